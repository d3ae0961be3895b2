/** Parts that only this backend has: adapters that are absent or wrong, splitting, tiles, memory. The kernels' numbers are the contract test's. */
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { kernelGraph, runOnce, sampleInputs, worst } from "../../contract.ts";
import { GraphBuilder } from "../../graph.ts";
import type { Kernel, Sample } from "../../kernel.ts";
import { KERNELS } from "../../ops/mod.ts";
import { add } from "../../ops/add.ts";
import { HIDDEN_PLACE } from "../../ops/cached_attention.ts";
import { linear } from "../../ops/products.ts";
import { NO_ADAPTER, testWebGpu } from "../../testing/backends.ts";
import { isSoftware, type WebGpuBackend, webgpuBackend } from "./mod.ts";
import { foldWorkgroups } from "./plan.ts";
import { driverKindText } from "./driver_kinds.ts";
import { GpuPool, USAGE } from "./pool.ts";
import { GpuTensor } from "./tensor.ts";

const { name: title, ignore } = await testWebGpu();

function deviceTest(name: string, fn: (t: Deno.TestContext) => Promise<void>): void {
  Deno.test({ name: `${name} (${title})`, ignore, fn });
}

/** Differences of a kernel's outputs from its reference, in units of the tolerance. */
async function compare(backend: WebGpuBackend, kernel: Kernel, sample: Sample): Promise<void> {
  const inputs = sampleInputs(kernel, sample),
    expected = kernel.reference(inputs, sample.dims, sample.attrs ?? {});
  const actual = await runOnce(backend, kernelGraph(kernel, sample), inputs);
  for (const [output, values] of Object.entries(expected)) {
    const { ratio, index } = worst(actual[output]!, values, kernel.tolerance);
    assert(
      ratio <= 1,
      `${kernel.name} (${sample.note}): ${output}[${index}] is ${actual[output]![index]}, reference ${
        values[index]
      }`,
    );
  }
}

function kernelNamed(name: string): Kernel {
  return KERNELS.find((k) => k.name === name)!;
}

Deno.test("webgpuBackend() says what to do when there is no WebGPU or no adapter", async () => {
  await assertRejects(() => webgpuBackend({ gpu: undefined }), Error, "this runtime has no navigator.gpu");
  const none = { requestAdapter: () => Promise.resolve(null) } as unknown as GPU;
  const error = await assertRejects(() => webgpuBackend({ gpu: none }), Error, "no adapter was found");
  assertStringIncludes(error.message, "backend: onnx");
});

Deno.test("driverKindText() tells a value that chooses no driver of this system from one that does", () => {
  assertEquals(
    driverKindText(null, "linux"),
    "DENO_WEBGPU_BACKEND isn't set, so every kind of driver was asked",
  );
  for (const none of ["", "metal", "vulcan"]) {
    assertEquals(
      driverKindText(none, "linux"),
      `DENO_WEBGPU_BACKEND is "${none}", so no driver was asked; unset it (on linux it may be vulkan or gl)`,
    );
  }
  for (const [value, os] of [["GL", "linux"], ["metal", "darwin"], ["metal, dx12", "windows"]] as const) {
    assertStringIncludes(
      driverKindText(value, os),
      `is "${value}", so no other kind of driver was asked; unset it`,
    );
  }
});

/** An adapter of a machine that isn't here; `device` is what it gives. */
function adapterWith(limits: Record<string, number>, device: () => Promise<GPUDevice>): GPU {
  const promised = {
    maxStorageBufferBindingSize: 2 ** 27,
    maxStorageBuffersPerShaderStage: 8,
    maxComputeWorkgroupStorageSize: 16_384,
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupSizeX: 256,
  };
  const adapter = {
    info: { description: "Old GPU", vendor: "", architecture: "", device: "" },
    limits: { ...promised, ...limits },
    features: new Set(),
    requestDevice: device,
  };
  return { requestAdapter: () => Promise.resolve(adapter) } as unknown as GPU;
}

Deno.test("webgpuBackend() names an adapter whose limits are too low, and one that gives no device, with the value and what to do", async () => {
  const none = () => Promise.reject(new DOMException("not enough memory left", "OperationError"));
  const found = async (limits: Record<string, number>) =>
    (await assertRejects(() => webgpuBackend({ gpu: adapterWith(limits, none) }), Error)).message;
  for (
    const [name, value, least] of [
      ["maxComputeInvocationsPerWorkgroup", 128, 256],
      ["maxComputeWorkgroupSizeX", 64, 256],
      ["maxComputeWorkgroupStorageSize", 8192, 16_384],
      ["maxStorageBuffersPerShaderStage", 4, 8],
      ["maxStorageBufferBindingSize", 2 ** 20, 2 ** 24],
    ] as const
  ) {
    assertStringIncludes(
      await found({ [name]: value }),
      `Cannot use backend webgpu on Old GPU: its shaders need ${name} of ${least}: current value is ${value}; DENO_WEBGPU_BACKEND `,
    );
  }
  const message = await found({});
  assertStringIncludes(
    message,
    "on Old GPU: it gives no device (not enough memory left); close other programs",
  );
  assertStringIncludes(message, "backend: onnx");
});

Deno.test("a tensor larger than a buffer may be is refused by its shape, with both sizes and what to do", () => {
  const device = { limits: { maxBufferSize: 2 ** 28 } } as unknown as GPUDevice;
  const pool = new GpuPool(device, USAGE.storage), embedding = [151_936, 1536];
  const { message } = assertThrows(() => GpuTensor.allocate(pool, embedding, "f32"), RangeError);
  assertEquals(
    message,
    "Cannot hold a tensor of shape [151936, 1536]: a buffer of this device has at most 268435456 bytes: current value is 933494784; " +
      "use fp16: true, a smaller model or a lower cutoff_len, or another backend",
  );
});

Deno.test("webgpuBackend() fails where Deno really finds no adapter", async () => {
  const code = `import { webgpuBackend } from ${JSON.stringify(new URL("./mod.ts", import.meta.url).href)};
    await webgpuBackend().then(() => console.log("made"), (error) => console.log(error.message));`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--config", new URL("../../../deno.json", import.meta.url).pathname, code],
    env: { DENO_WEBGPU_BACKEND: NO_ADAPTER, NO_COLOR: "1" },
    stderr: "null",
  }).output();
  assertStringIncludes(
    new TextDecoder().decode(stdout),
    `Cannot use backend webgpu: no adapter was found: DENO_WEBGPU_BACKEND is "${NO_ADAPTER}", so no driver was asked; unset it (`,
  );
});

Deno.test("isSoftware() knows CPU adapters", () => {
  const info = (description: string) => ({ description, vendor: "", architecture: "" });
  assert(isSoftware(info("llvmpipe (LLVM 15.0.6, 256 bits)")));
  assert(isSoftware(info("SwiftShader Device (Subzero)")));
  assert(isSoftware(info("Microsoft Basic Render Driver")));
  assert(isSoftware({ ...info("x"), isFallbackAdapter: true } as GPUAdapterInfo));
  assert(!isSoftware(info("NVIDIA GeForce RTX 4060 Laptop GPU")));
  assert(!isSoftware(info("Apple M3")));
});

Deno.test("foldWorkgroups() covers every workgroup with no dimension above the limit", () => {
  assertEquals(foldWorkgroups(5, 65535), [5, 1, 1]);
  assertEquals(foldWorkgroups(65536, 65535), [65535, 2, 1]);
  for (const groups of [1, 7, 8, 9, 63, 64, 65, 100, 512]) {
    const [x, y, z] = foldWorkgroups(groups, 8);
    assert(Math.max(x, y, z) <= 8 && x * y * z >= groups, `${groups}: ${x} ${y} ${z}`);
  }
});

deviceTest("more workgroups than one dimension holds give the same sums", async () => {
  const backend = await webgpuBackend();
  // 4.2 million elements of one row each, which is no multiple of four: 65,626 workgroups of 64.
  const rows = 4_200_001, sample: Sample = { note: "folded", dims: { rows: rows * 4 + 2 } };
  await compare(backend, kernelNamed("add_vector"), sample);
  await backend.dispose();
});

deviceTest("a wrong result in the self-test refuses the adapter", async () => {
  const right = linear.reference;
  const patched: { reference: typeof right } = linear;
  patched.reference = (...given) => ({ y: right(...given).y.map((v) => v + 0.01) });
  try {
    await assertRejects(() => webgpuBackend(), Error, "its self-test of kernel linear gives");
  } finally {
    patched.reference = right;
  }
});

deviceTest("operands larger than a binding give the same results in parts", async (t) => {
  const backend = await webgpuBackend({ bindingBytes: 66_560 });
  const ids = (count: number, below: number) => Array.from({ length: count }, (_, i) => (i * 37) % below);
  // Two examples, the second with two branches behind a common beginning.
  const tree = (rows: number) => ({
    until: Array.from({ length: rows }, (_, i) => i < 90 ? 90 : i < 200 ? rows : i < 450 ? 450 : rows),
    positions: Array.from({ length: rows }, (_, i) => i < 90 ? i : i < 450 ? i - 90 : i - 340),
  });
  const scores = (heads: number, kv_heads: number, window: number | null) => ({
    heads,
    kv_heads,
    scale: 0.3,
    window,
  });
  const cases: [string, Sample["dims"], Sample["data"]?, Sample["attrs"]?][] = [
    ["add", { rows: 300, cols: 60 }],
    ["add_bias", { rows: 300, cols: 60 }],
    ["scale_rows", { rows: 300, cols: 60 }],
    ["sum_rows", { rows: 300, cols: 60 }],
    ["rotary", { rows: 300, cols: 64, half: 8 }, undefined, { heads: 4 }],
    ["rms_norm", { rows: 300, cols: 64, group: 16 }, undefined, { eps: 1e-5, groups: 4 }],
    ["rms_norm_weight_grad", { rows: 300, cols: 64, group: 64 }, undefined, { eps: 1e-5 }],
    ["gather_rows", { rows: 500, cols: 40, labels: 440 }, { ids: ids(440, 500) }],
    ["scatter_add_rows", { rows: 500, cols: 40, labels: 400 }, { ids: ids(400, 300) }],
    ["scatter_add_rows", { rows: 200, cols: 40, labels: 1300 }, { ids: ids(1300, 200) }],
    ["scatter_add_rows", { rows: 500, cols: 41, labels: 1300 }, { ids: ids(1300, 300) }],
    ["attention", { queries: 500, rows: 500, qcols: 96, kvcols: 32 }, tree(500), scores(3, 1, null)],
    ["attention", { queries: 300, rows: 500, qcols: 90, kvcols: 30 }, tree(500), scores(3, 1, 150)],
    ["attention_grad", { rows: 500, qcols: 96, kvcols: 32 }, tree(500), scores(3, 1, null)],
    ["attention_grad", { rows: 500, qcols: 90, kvcols: 30 }, tree(500), scores(3, 1, 150)],
    ["linear", { rows: 210, in: 100, out: 200 }],
    ["linear", { rows: 3, in: 100, out: 500 }],
    ["linear", { rows: 8, in: 33, out: 2000 }],
    ["matmul", { rows: 210, in: 200, out: 100 }],
    ["matmul_tn", { left: 250, rows: 410, right: 70 }],
    ["label_logprob", { labels: 20, cols: 60, vocab: 330 }, { ids: ids(20, 330) }],
    ["label_logprob_unit", { labels: 20, cols: 60, vocab: 330 }, { ids: ids(20, 330) }],
    ["label_logprob_grad", { labels: 20, cols: 60, vocab: 330 }, { ids: ids(20, 330) }],
    ["label_logprob_weight_grad", { labels: 20, cols: 60, vocab: 330 }, { ids: ids(20, 330) }],
  ];
  for (const [name, dims, data, attrs] of cases) {
    await t.step(
      name,
      () =>
        compare(backend, kernelNamed(name), {
          note: "in parts",
          dims,
          ...(data ? { data } : {}),
          ...(attrs ? { attrs } : {}),
        }),
    );
  }
  await t.step("attention says that keys must fit", async () => {
    const sample = {
      note: "large",
      dims: { queries: 300, rows: 300, qcols: 64, kvcols: 64 },
      attrs: { heads: 1, kv_heads: 1, scale: 1, window: null },
      data: { until: Array(300).fill(300), positions: ids(300, 300) },
    };
    await assertRejects(
      () => compare(backend, kernelNamed("attention"), sample),
      RangeError,
      'Cannot bind 76800 bytes of "k" in once, attention',
    );
  });
  await backend.dispose();
});

deviceTest("every tile of a product and every split of its depth gives the reference", async (t) => {
  const backend = await webgpuBackend();
  // Sizes [m, n, k]: one row, a few, a few more than go without tiles, few columns with a long depth (LoRA gradients), the large tile with and without vec4.
  for (
    const [m, n, k] of [
      [1, 200, 520],
      [5, 201, 519],
      [8, 4099, 20],
      [9, 70, 300],
      [200, 8, 700],
      [70, 130, 1030],
      [1025, 1025, 9],
      [1024, 1028, 12],
    ]
  ) {
    await t.step(`${m} × ${n}, depth ${k}`, async () => {
      await compare(backend, kernelNamed("linear"), { note: "nt", dims: { rows: m!, out: n!, in: k! } });
      await compare(backend, kernelNamed("lora_up"), {
        note: "nt with a base",
        dims: { rows: m!, out: n!, rank: k! },
        attrs: { alpha: -0.5 },
      });
      // The small tiles and the split depth are the contract's.
      for (const name of m === 1025 ? ["lora_linear"] : m === 1024 ? ["lora_matmul_add"] : []) {
        await compare(backend, kernelNamed(name), {
          note: "with LoRA beside it",
          dims: { rows: m!, out: n!, in: k!, rank: 8 },
          attrs: { alpha: 0.5 },
        });
      }
      await compare(backend, kernelNamed("matmul"), { note: "nn", dims: { rows: m!, out: n!, in: k! } });
      await compare(backend, kernelNamed("matmul_tn"), {
        note: "tn",
        dims: { left: m!, right: n!, rows: k! },
      });
    });
  }
  await backend.dispose();
});

deviceTest("attention at a model's head size, several blocks and a window", async (t) => {
  const backend = await webgpuBackend();
  const rows = 75, until = Array.from({ length: rows }, (_, i) => i < 10 ? rows : i < 40 ? 40 : rows);
  const positions = Array.from({ length: rows }, (_, i) => i < 40 ? i : i - 30);
  for (const [d, heads, kvHeads, window] of [[64, 3, 1, null], [128, 2, 2, 20], [80, 2, 1, null]] as const) {
    await t.step(`${heads} heads of ${d}, window ${window}`, async () => {
      const attrs = { heads, kv_heads: kvHeads, scale: 1 / Math.sqrt(d), window };
      const dims = { queries: rows, rows, qcols: heads * d, kvcols: kvHeads * d },
        data = { until, positions };
      await compare(backend, kernelNamed("attention"), { note: "forward", dims, attrs, data });
      const { queries: _, ...both } = dims;
      await compare(backend, kernelNamed("attention_grad"), { note: "backward", dims: both, attrs, data });
    });
  }
  await backend.dispose();
});

deviceTest(
  "attention with a cache gives the same whether one workgroup or several walk over the keys",
  async (t) => {
    const backend = await webgpuBackend();
    // Few queries before many keys are shared; 40 queries of 8 heads are workgroups enough.
    for (
      const [slots, queries, past, window] of [[1, 1, 1000, null], [3, 1, 700, 90], [
        1,
        40,
        300,
        null,
      ]] as const
    ) {
      await t.step(`${slots} of ${queries} queries, ${past} keys, window ${window}`, async () => {
        const heads = 8, kv_heads = 2, d = 20, fresh = slots * 33, rows = slots * queries;
        const places = (count: number, from: number) => Array.from({ length: count }, (_, i) => from + i);
        // The second slot's past is half empty, so that whole parts of it hide their keys.
        const kept = (s: number) => s === 1 ? past / 2 : past;
        await compare(backend, kernelNamed("cached_attention"), {
          note: "keys in parts",
          dims: { rows, qcols: heads * d, slots, heads: kv_heads, past, d, fresh, kvcols: kv_heads * d },
          attrs: { heads, kv_heads, scale: 1, window },
          range: { q: [-3, 3] },
          data: {
            places: places(slots, 0).flatMap((s) => places(queries, kept(s) + (queries === 1 ? 20 : 0))),
            past_places: places(slots, 0).flatMap((s) =>
              places(past, 0).map((p) => p < kept(s) ? p : HIDDEN_PLACE)
            ),
            fresh_places: places(slots, 0).flatMap((s) =>
              places(33, kept(s)).map((p, i) => i > 20 && queries === 1 ? HIDDEN_PLACE : p)
            ),
          },
        });
      });
    }
    await backend.dispose();
  },
);

deviceTest("buffers and pipelines stay the same over steps of changing lengths", async () => {
  const backend = await webgpuBackend();
  const g = new GraphBuilder(), x = g.input("x", ["T", 36]), w = g.input("w", [36, 36]);
  let y = x;
  for (let i = 0; i < 6; i++) y = g.run(add, { a: y, b: g.run(linear, { x: y, w }).y! }).y!;
  const program = await backend.compile(g.finish({ y }), "chain");
  const weight = backend.upload(new Float32Array(36 * 36).fill(0.01), [36, 36]);
  const step = async (rows: number) => {
    const input = backend.upload(new Float32Array(rows * 36).fill(1), [rows, 36]);
    const result = (await program.run({ x: input, w: weight })).y!;
    const values = await backend.download(result);
    // Every row: six times y ← y + 0.36 y.
    assert(Math.abs(values.at(-1)! - 1.36 ** 6) < 1e-4, `row of ${values.at(-1)}`);
    input.dispose();
    result.dispose();
  };
  const start = backend.stats().buffers;
  await step(113);
  const first = backend.stats().buffers;
  // A program keeps the sizes of a plan in a small buffer. Of free buffers that are large enough the smallest is taken, so each order of lengths may want a few of its own once.
  const lengths = async () => {
    for (let rows = 113; rows >= 20; rows -= 3) await step(rows);
    for (let rows = 20; rows <= 113; rows += 3) await step(rows);
  };
  await lengths();
  const before = backend.stats();
  await lengths();
  assertEquals(backend.stats(), before);
  // Six products and sums in a row need few buffers at once, not one for each value.
  assert(first - start <= 8, `${first - start} buffers`);
  await backend.dispose();
});

deviceTest("a GPU without memory left says what to do", async () => {
  const backend = await webgpuBackend();
  backend.zeros([2 ** 18]);
  const error = new GPUOutOfMemoryError("Not enough memory left.");
  backend.device.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error }));
  const shown = await assertRejects(() => backend.finish(), Error, "The GPU has no memory left (Not enough");
  assertStringIncludes(shown.message, "micro_batch_tokens");
  await backend.dispose();
});

deviceTest("dispose() resolves only when the device is gone", async () => {
  const backend = await webgpuBackend();
  await backend.dispose();
  const first = await Promise.race([backend.device.lost, Promise.resolve(null)]);
  assertEquals(first?.reason, "destroyed");
});

deviceTest("a lost device and a disposed backend say so", async () => {
  const backend = await webgpuBackend();
  const tensor = backend.zeros([4]);
  tensor.dispose();
  await assertRejects(() => backend.download(tensor), Error, "it was disposed");
  backend.device.destroy();
  await backend.device.lost;
  const error = await assertRejects(() => backend.finish(), Error, "The WebGPU device was lost");
  assertStringIncludes(error.message, "resume_from_checkpoint");
  await backend.dispose();
  await assertRejects(() => backend.finish(), Error, "it was disposed");
});
