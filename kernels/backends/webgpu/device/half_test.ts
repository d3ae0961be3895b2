/** Float16 storage: that kernels read it right, and that a device which doesn't is found out. */
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import type { HostArray } from "../../../backend.ts";
import { kernelGraph, runOnce, sampleInputs, worst } from "../../../contract.ts";
import { GraphBuilder } from "../../../graph.ts";
import type { Kernel, Sample } from "../../../kernel.ts";
import { KERNELS } from "../../../ops/mod.ts";
import { add } from "../../../ops/arithmetic/add.ts";
import { gatherRows } from "../../../ops/layout/gather_rows.ts";
import { LARGEST_HALF } from "./half.ts";
import { type WebGpuBackend, webgpuBackend } from "../mod.ts";
import { halfDeviceTest } from "./_half_device.ts";

/** Values that float16 holds, without overflow. */
function rounded(values: Float64Array): Float64Array {
  return values.map((v) => Math.f16round(Math.min(LARGEST_HALF, Math.max(-LARGEST_HALF, v))));
}

async function compare(device: WebGpuBackend, kernel: Kernel, sample: Sample): Promise<void> {
  const inputs = sampleInputs(kernel, sample), before = device.half.kept;
  for (const name of kernel.halves!) inputs[name] = rounded(inputs[name]!);
  const expected = kernel.reference(inputs, sample.dims, sample.attrs ?? {});
  const actual = await runOnce(device, kernelGraph(kernel, sample), inputs, { frozen: kernel.halves! });
  assertEquals(device.half.kept - before, kernel.halves!.length, "operands kept as float16");
  for (const [output, values] of Object.entries(expected)) {
    const { ratio, index } = worst(actual[output]!, values, kernel.tolerance);
    assert(ratio <= 1, `${output}[${index}] is ${actual[output]![index]}, reference ${values[index]}`);
  }
}

const STORABLE = KERNELS.filter((kernel) => kernel.halves);

Deno.test("kernels that take frozen weights are those that a block, a head and an embedding give them to, fused or not", () => {
  assertEquals(STORABLE.map((k) => k.name).sort(), [
    "gather_rows",
    "label_logprob",
    "label_logprob_best",
    "label_logprob_grad",
    "label_logprob_unit",
    "label_logprob_weight_grad",
    "linear",
    "lora_linear",
    "lora_matmul",
    "lora_matmul_add",
    "lora_up",
    "matmul",
    "matmul_add",
  ]);
});

halfDeviceTest("every kernel on float16 operands equals its reference on the rounded values", async (t) => {
  const device = await webgpuBackend({ half: "rounded" });
  for (const kernel of STORABLE) {
    for (const sample of kernel.samples) {
      await t.step(`${kernel.name} (${sample.note})`, () => compare(device, kernel, sample));
    }
  }
  await device.dispose();
});

halfDeviceTest("float16 operands larger than a binding give the same results in parts", async (t) => {
  const device = await webgpuBackend({ half: "rounded", bindingBytes: 66_560 });
  const ids = (count: number, below: number) => Array.from({ length: count }, (_, i) => (i * 37) % below);
  const cases: [string, Sample["dims"], Sample["data"]?][] = [
    ["linear", { rows: 70, in: 151, out: 260 }],
    ["linear", { rows: 70, in: 152, out: 260 }],
    ["linear", { rows: 1, in: 151, out: 460 }],
    ["linear", { rows: 6, in: 152, out: 460 }],
    ["matmul", { rows: 70, in: 260, out: 151 }],
    ["gather_rows", { rows: 1000, cols: 41, labels: 300 }, { ids: ids(300, 1000) }],
    ["label_logprob_unit", { labels: 20, cols: 61, vocab: 700 }, { ids: ids(20, 700) }],
    ["label_logprob_grad", { labels: 20, cols: 60, vocab: 700 }, { ids: ids(20, 700) }],
  ];
  for (const [name, dims, data] of cases) {
    const kernel = STORABLE.find((k) => k.name === name)!;
    await t.step(
      `${name} ${Object.values(dims)}`,
      () => compare(device, kernel, { note: "in parts", dims, ...(data ? { data } : {}) }),
    );
  }
  await device.dispose();
});

halfDeviceTest(
  "a float16 matrix takes half the bytes, comes back rounded, and one program serves both kinds",
  async () => {
    const device = await webgpuBackend({ half: "rounded" }), count = 256 * 1024;
    const values = Float32Array.from({ length: count }, (_, i) => Math.sin(i)) as HostArray;
    const bytes = () => device.stats().bytes, start = bytes();
    const frozen = device.upload(values, [256, 1024], { frozen: true }), between = bytes();
    const plain = device.upload(values, [256, 1024]);
    assertEquals([between - start, bytes() - between], [2 * count, 4 * count]);
    assertEquals(await device.download(frozen), Float32Array.from(values, Math.f16round));
    assertEquals(await device.download(plain), values);
    assertThrows(() => device.write(frozen, values), TypeError, "it was uploaded as frozen");

    const g = new GraphBuilder(), x = g.input("x", [256, 1024]), ids = g.input("ids", ["L"], "i32");
    const program = await device.compile(g.finish(g.run(gatherRows, { x, ids })), "rows");
    const pick = device.upload(Int32Array.of(255), [1]), last = values.slice(255 * 1024);
    for (
      const [table, expected] of [[frozen, last.map(Math.f16round)], [plain, last], [
        frozen,
        last.map(Math.f16round),
      ]] as const
    ) {
      assertEquals([...await device.download((await program.run({ x: table, ids: pick })).y!)], [
        ...expected,
      ]);
    }
    await device.dispose();
  },
);

halfDeviceTest("a kernel that can't read float16 refuses it by name", async () => {
  const device = await webgpuBackend();
  const sample = { note: "", dims: { rows: 1, cols: 1 } };
  await assertRejects(
    () =>
      runOnce(device, kernelGraph(add, sample), { a: Float64Array.of(1), b: Float64Array.of(1) }, {
        frozen: ["b"],
      }),
    TypeError,
    'Cannot run kernel add: input "b" needs float32 storage',
  );
  const g = new GraphBuilder(), x = g.input("x", [1, 1]);
  const program = await device.compile(g.finish({ x }), "same");
  const one = device.upload(Float32Array.of(1), [1, 1], { frozen: true });
  await assertRejects(() => program.run({ x: one }), TypeError, 'Cannot copy float16 storage to output "x"');
  await device.dispose();
});

halfDeviceTest("a device that reads float16 wrong keeps float32 and says so", async () => {
  const right = gatherRows.reference, patched: { reference: typeof right } = gatherRows;
  patched.reference = (...given) => ({ y: right(...given).y.map((v) => v === 2 ** -24 ? 0 : v) });
  try {
    const device = await webgpuBackend({ half: "rounded" });
    assertEquals(device.half.storage, "none");
    assertStringIncludes(device.description, "weights in float32 (gather_rows gives 5.96");
    device.upload(Float32Array.of(1), [1, 1], { frozen: true });
    assertEquals([device.half.kept, device.half.frozen], [0, 1]);
    await device.dispose();
  } finally {
    patched.reference = right;
  }
});

halfDeviceTest(
  "float16 storage that isn't wanted, or an adapter without it, asks for no feature",
  async () => {
    const device = await webgpuBackend({ half: "none" });
    assertStringIncludes(device.description, "weights in float32 (asked for)");
    assert(!device.device.features.has("shader-f16"));
    await device.dispose();
    const gpu = navigator.gpu,
      bare: GPU = Object.create(gpu, {
        requestAdapter: {
          value: async (options: GPURequestAdapterOptions) => {
            const adapter = (await gpu.requestAdapter(options))!;
            return new Proxy(adapter, {
              get: (target, key) => {
                const value = key === "features" ? new Set() : Reflect.get(target, key, target);
                return typeof value === "function" ? value.bind(target) : value;
              },
            });
          },
        },
      });
    const without = await webgpuBackend({ gpu: bare });
    assertStringIncludes(without.description, "weights in float32 (this adapter has no shader-f16)");
    await without.dispose();
  },
);
