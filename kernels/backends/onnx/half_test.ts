/** Frozen matrices of 16 bits: every kernel that takes one, and whole steps, on the CPU provider, which rounds where a CUDA device does. */
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";

import { openModel } from "../../../formats/hf_model/mod.ts";
import { kernelGraph, runOnce, sampleInputs } from "../../contract.ts";
import { linearModules } from "../../engine/decoder/decoder.ts";
import { Engine } from "../../engine/engine.ts";
import { packExamples } from "../../engine/packs/pack.ts";
import type { Arrays, Kernel, Sample } from "../../kernel.ts";
import { KERNELS } from "../../mod.ts";
import type { HalfType } from "../../onnx_node.ts";
import { linear } from "../../ops/products/products.ts";
import { idsExample, readJson, TINY, tinyAdapter, tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { openLibrary } from "./c_api/mod.ts";
import { cWay } from "./c_way.ts";
import { javascriptWay } from "./javascript_way.ts";
import { lowerToOnnx } from "./lower.ts";
import { onnxBackend, type OnnxOptions } from "./mod.ts";
import { HostTensor } from "./tensor.ts";

const { library, reason } = openLibrary(), ignore = library === null;
const because = reason === null ? "" : `: ${reason}`;

/** Half of the distance between two neighbours, relative: 8 and 11 bits of mantissa. */
const UNIT: Readonly<Record<HalfType, number>> = { bf16: 2 ** -8, f16: 2 ** -11 };

/** To the nearest, ties to even: by the bits of float32, and by JavaScript's own function. */
const ROUND: Readonly<Record<HalfType, (value: number) => number>> = {
  f16: Math.f16round,
  bf16: (value) => {
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, value);
    const bits = view.getUint32(0);
    view.setUint32(0, bits + 0x7fff + (bits >>> 16 & 1) & 0xffff0000);
    return view.getFloat32(0);
  },
};

/** Inputs as they are stored. */
function stored(kernel: Kernel, inputs: Arrays, type: HalfType): Arrays {
  return Object.fromEntries(
    Object.entries(inputs).map((
      [name, values],
    ) => [name, kernel.halves?.includes(name) ? values.map(ROUND[type]) : values]),
  );
}

/**
 * Most by which an output may differ: operands and results are off by a unit each, so a product by two units of the sum of its terms'
 * sizes, which the kernel itself gives for absolute values.
 */
function productBounds(kernel: Kernel, inputs: Arrays, sample: Sample, type: HalfType): Arrays {
  const sizes = Object.fromEntries(
    Object.entries(inputs).map(([name, values]) => [name, values.map(Math.abs)]),
  );
  const attrs = Object.fromEntries(
    Object.entries(sample.attrs ?? {}).map(([name, value]) => [name, Math.abs(Number(value))]),
  );
  const all = kernel.reference(sizes, sample.dims, attrs);
  return Object.fromEntries(
    Object.entries(all).map(([name, values]) => // Tables are only read, and what LoRA makes between its products is float32.
    [
      name,
      values.map((size) => name === "h" || kernel.name === "gather_rows" ? 0 : 2.1 * UNIT[type] * size),
    ]),
  );
}

/**
 * The same for labels: logits are off by δ, so log-probabilities by at most 2δ, probabilities by e^(2δ) − 1, relative, and then rounded; what is
 * multiplied by them is at most as large as the largest of it.
 */
function labelBounds(kernel: Kernel, inputs: Arrays, { dims }: Sample, type: HalfType): Arrays {
  const { cols = 0, labels = 0, vocab = 0 } = dims, unit = UNIT[type], { h, w, weights } = inputs;
  const largest = (values: Float64Array, weight = 1) =>
    Math.max(...values.map((value) => Math.abs(value * weight)));
  const best = new Float64Array(labels);
  let delta = 0;
  for (let l = 0; l < labels; l++) {
    const logits: number[] = [];
    let most = 0;
    for (let v = 0; v < vocab; v++) {
      let logit = 0, sum = 0;
      for (let c = 0; c < cols; c++) {
        const term = h![l * cols + c]! * w![v * cols + c]!;
        logit += term;
        sum += Math.abs(term);
      }
      logits.push(logit);
      most = Math.max(most, 2.1 * unit * sum);
    }
    delta = Math.max(delta, most);
    const [own] = logits.splice(inputs.ids![l]!, 1);
    best[l] = Math.abs(own! - Math.max(...logits)) <= 2 * most ? 1 : 0; // nearer logits may change places
  }
  const scale = weights ? largest(weights) : 1, spread = Math.expm1(2 * delta) + 3 * unit;
  // Σ p = 1 without the label's own, and as much with it.
  const bounds: Arrays = {
    logp: Float64Array.of(2 * delta),
    dh: Float64Array.of(2 * scale * largest(w!) * spread),
    dw: Float64Array.of(2 * labels * scale * largest(h!) * spread),
    best,
  };
  return Object.fromEntries(Object.keys(kernel.outputs).map((name) => [name, bounds[name]!]));
}

/** Where a device is asked for it computes, with products of its own. */
const PROVIDERS =
  ["BACKENDS", "REQUIRE_BACKENDS"].some((name) => Deno.env.get(name)?.split(",").includes("cuda"))
    ? ["cpu", "cuda"] as const
    : ["cpu"] as const;

for (
  const [type, provider] of (["bf16", "f16"] as const).flatMap((t) => PROVIDERS.map((p) => [t, p] as const))
) {
  Deno.test({
    name: `every kernel that takes frozen matrices computes with them in ${type} (${provider}${because})`,
    ignore,
    fn: async (t) => {
      const backend = onnxBackend({ half: type, provider, memory: "provider", threads: 1 });
      let rounded = 0;
      for (const kernel of KERNELS.filter(({ halves }) => halves)) {
        for (const sample of kernel.samples) {
          await t.step(`${kernel.name} (${sample.note})`, async () => {
            const given = sampleInputs(kernel, sample), graph = kernelGraph(kernel, sample);
            const large = Math.max(...Object.values(given).flatMap((values) => [...values.map(Math.abs)]));
            const run = runOnce(backend, graph, given, {
              sizes: { ...sample.dims },
              frozen: kernel.halves ?? [],
            });
            if (type === "f16" && large > 65504) {
              await assertRejects(() => run, RangeError, "as float16: its longest row or column is");
              return;
            }
            const inputs = stored(kernel, given, type), actual = await run;
            const expected = kernel.reference(inputs, sample.dims, sample.attrs ?? {});
            const bounds = kernel.name.startsWith("label")
              ? labelBounds(kernel, inputs, sample, type)
              : productBounds(kernel, inputs, sample, type);
            const exact = kernel.reference(given, sample.dims, sample.attrs ?? {}),
              { atol, rtol } = kernel.tolerance;
            for (const [output, values] of Object.entries(expected)) {
              const bound = bounds[output]!;
              values.forEach((value, i) => {
                const own = atol + rtol * Math.abs(value), found = actual[output]![i]!;
                assertAlmostEquals(found, value, own + bound[i % bound.length]!, `${output}[${i}]`);
                if (Math.abs(found - exact[output]![i]!) > own) rounded++;
              });
            }
          });
        }
      }
      assert(rounded > 1000, `${rounded} results differ from float32's`);
      await backend.dispose();
    },
  });
}

const { config } = tinyModel("qwen2"), golden = readJson(`${TINY}qwen2/golden.json`);
const { modules, initial } = tinyAdapter("qwen2", config);

/** Log-probabilities of the golden's sequences without adapters, and gradients of all adapters, of a model whose weights bfloat16 holds. */
async function step(options: OnnxOptions, body?: "stack", reading: "read" | "pieces" = "pieces") {
  const model = await openModel(`${TINY}qwen2/model-bf16`), sequences: number[][] = golden.sequences;
  const tuning = { type: "lora", modules, dropout: 0 } as const;
  const engine = new Engine(
    onnxBackend({ threads: 1, loops: false, ...options }),
    { config, tuning, checkpointing: true, ...(body && { body }) },
    (name) => model.weights[reading](name),
    initial,
  );
  model.weights.close();
  const pack = packExamples(sequences.map((ids) => idsExample({ s: [[ids[0]!], ids.slice(1)] })));
  const reference = await engine.forward(pack, { adapter: false, keep: false });
  const logps = await engine.forward(pack, { adapter: true, keep: true });
  await engine.backward(Float64Array.from(logps, (_, i) => 1 - 0.3 * (i % 5)));
  const gradients = (await engine.parameters.gradients()).flatMap((values) => [...values]);
  await engine.dispose();
  return { reference: [...reference], logps: [...logps], gradients };
}

const norm = (values: readonly number[]) => Math.hypot(...values);
const difference = (a: readonly number[], b: readonly number[]) => a.map((value, i) => value - b[i]!);

Deno.test({
  name:
    `log-probabilities and gradients differ from PyTorch's and float32's by what roundings to 16 bits explain${because}`,
  ignore,
  async fn() {
    const expected: number[] = golden.bf16.token_logps.flat(), exact = await step({});
    // Roundings on the way: an operand and a result of each product; relative and independent, so their squares add up.
    const forward = 2 * (linearModules(config).length * config.numLayers + 1);
    const off: Partial<Record<HalfType, number>> = {};
    for (const half of ["bf16", "f16"] as const) {
      const found = await step({ half });
      const rms = norm(difference(found.reference, expected)) / Math.sqrt(expected.length);
      const share = norm(difference(found.gradients, exact.gradients)) / norm(exact.gradients);
      const most = Math.sqrt(forward) * UNIT[half];
      assert(rms < most * golden.logit_stats.std, `${half}: log-probabilities differ by ${rms}`);
      assert(share < Math.SQRT2 * most, `${half}: gradients differ by ${share} of their length`);
      off[half] = share;
      // One program with constants, and tensors that stay with the provider, round at the same places.
      assertEquals(await step({ half, memory: "provider" }), found);
      // The file's own bits, and its values made float32 and rounded.
      assertEquals(await step({ half }, undefined, "read"), found);
      assertEquals(await step({ half }, "stack"), found);
      assertEquals(await step({ half, memory: "provider" }, "stack"), found);
    }
    // 8 times finer, up to chance.
    const ratio = off.bf16! / off.f16!;
    assert(ratio > 4 && ratio < 16, `bfloat16 is off ${ratio} times as far`);
  },
});

Deno.test({
  name: `frozen matrices lie in half the memory, and are given back as rounded${because}`,
  ignore,
  async fn() {
    const given = Float32Array.of(1, 1 + 2 ** -9, 1 + 3 * 2 ** -9, -1e30, 3e-41, 0);
    for (const memory of ["host", "provider"] as const) {
      const backend = onnxBackend({ half: "bf16", memory });
      const tensor = backend.upload(given, [3, 2], { frozen: true });
      const bytes = tensor instanceof HostTensor
        ? tensor.data.byteLength
        : (tensor as unknown as { value: { bytes(): Uint8Array } }).value.bytes().length;
      assertEquals(bytes, 12);
      assertEquals([...await backend.download(tensor)], [...given].map(ROUND.bf16));
      assertThrows(() => backend.write(tensor, given), TypeError, "it is frozen");
      // Vectors, and what is trained, stay as they are.
      const bits = Uint16Array.of(0x3f81, 0xbf80, 0x7f00, 1),
        bytesOf = () => [new Uint8Array(bits.slice().buffer)];
      const stored = { type: "bf16" as const, count: 4, pieces: bytesOf, float32: () => new Float32Array(0) };
      const put = backend.uploadPieces?.(stored, [2, 2]);
      // Compared as bits: the library may have made this thread flush subnormals, which JavaScript's reads then do too.
      const downloaded = await backend.download(put!);
      assertEquals([...new Uint32Array(downloaded.buffer)], [...bits].map((half) => half * 2 ** 16));
      // Another form of numbers is rounded, and a vector isn't.
      assertEquals(backend.uploadPieces?.({ ...stored, type: "f16" }, [2, 2]), null);
      assertEquals(backend.uploadPieces?.(stored, [4]), null);
      for (const other of [backend.upload(given, [6], { frozen: true }), backend.upload(given, [3, 2])]) {
        assertEquals(await backend.download(other), given);
      }
      assert(backend.description.endsWith(", frozen matrices in bfloat16"));
      await backend.dispose();
    }
  },
});

Deno.test({
  name: `float16 loses no small gradients, and what it can't hold is refused${because}`,
  ignore,
  async fn() {
    const backend = onnxBackend({ half: "f16" });
    const sample: Sample = { note: "", dims: { rows: 3, in: 2, out: 2 } };
    // Below float16's smallest number and above its largest, and a row of nothing.
    const x = Float64Array.of(3e-12, -1e-12, 3e9, 1e9, 0, 0), w = Float64Array.of(1, 2, -0.5, 0.25);
    const { y } = await runOnce(backend, kernelGraph(linear, sample), { x, w }, {
      sizes: { ...sample.dims },
      frozen: ["w"],
    });
    const expected = linear.reference({ x, w }, { rows: 3, in: 2, out: 2 }, {}).y;
    expected.forEach((value, i) => assertAlmostEquals(y![i]!, value, Math.abs(value) * 5e-3));
    const upload = (values: number[]) => backend.upload(Float32Array.from(values), [2, 2], { frozen: true });
    upload([65000, 0, 0, 65000]);
    // Each value would do, but not what a row or a column of them may give.
    for (const values of [[65000, 65000, 0, 0], [65000, 0, 65000, 0], [NaN, 0, 0, 0], [1e5, 0, 0, 0]]) {
      assertThrows(() => upload(values), RangeError, "use bf16: true, whose range is float32's");
    }
    await backend.dispose();
    assertThrows(
      () => onnxBackend({ half: "f16", way: javascriptWay("test") }),
      RangeError,
      "Cannot keep frozen matrices in float16: ONNX Runtime's C interface is needed",
    );
  },
});

Deno.test({
  name: `the nodes that a CUDA device gets for float16 are a model that ONNX Runtime takes${because}`,
  ignore,
  async fn() {
    const sample: Sample = { note: "", dims: { rows: 2, in: 3, out: 2 } },
      graph = kernelGraph(linear, sample);
    const half = { names: new Set(["w"]), type: "f16", native: true } as const;
    const session = await cWay(library!).makeSession({
      bytes: () => lowerToOnnx(graph, "test", { target: { loops: false, half } }),
      byteInputs: new Set(),
      constants: {},
    }, { provider: "cpu", threads: 1 });
    const w = new Uint16Array(Float16Array.of(1, 2, 3, -1, 0.5, 0.25).buffer);
    const y = new HostTensor(new Float32Array(4), [2, 2], null);
    await session.run(
      {
        x: new HostTensor(Float32Array.of(1, 0, 2, 0.5, 4, 0), [2, 3], null),
        w: new HostTensor(w, [2, 3], null, "f16"),
      },
      { "out.y": y },
      null,
    );
    [7, -0.5, 8.5, 1.5].forEach((value, i) => assertAlmostEquals((y.data as Float32Array)[i]!, value, 1e-3));
    await session.dispose();
  },
});

Deno.test("a matrix of 16 bits is refused where a kernel takes float32 only", () => {
  const kernel = KERNELS.find(({ name }) => name === "add")!, sample = kernel.samples[0]!;
  const half = { names: new Set(["a"]), type: "bf16", native: true } as const;
  assertThrows(
    () => lowerToOnnx(kernelGraph(kernel, sample), "test", { target: { loops: false, half } }),
    TypeError,
    'Cannot give "a" of add as bf16: it takes float32 only',
  );
});
