import { assert, assertEquals } from "@std/assert";
import { differentiate } from "./autodiff.ts";
import type { Backend } from "./backend.ts";
import { kernelGraph, runOnce, sampleInputs, shapeOf, worst } from "./contract.ts";
import { GraphBuilder } from "./graph.ts";
import type { Arrays, Kernel, Sample } from "./kernel.ts";
import { openLibrary } from "./backends/onnx/c_api/mod.ts";
import { javascriptWay } from "./backends/onnx/javascript_way.ts";
import { KERNELS, onnxBackend, type OnnxOptions, referenceBackend } from "./mod.ts";
import { orExit, targets } from "./testing/aim.ts";
import { testBackends } from "./testing/backends.ts";

function label(kernel: Kernel, sample: Sample): string {
  return `${kernel.name} (${sample.note})`;
}

const computed = new Map<string, Arrays>();

/** The reference's outputs for a sample, computed once for all backends. */
function referenceOf(kernel: Kernel, sample: Sample): Arrays {
  const key = label(kernel, sample);
  const known = computed.get(key) ??
    kernel.reference(sampleInputs(kernel, sample), sample.dims, sample.attrs ?? {});
  computed.set(key, known);
  return known;
}

Deno.test("every kernel has samples, one of size 1, and a lowering for ONNX", () => {
  for (const kernel of KERNELS) {
    assert(kernel.samples.length >= 3, kernel.name);
    // A group of packed values has 32 of them.
    const smallest = kernel.bytes ? 32 : 2;
    assert(
      Object.entries(kernel.samples[0]!.dims).every(([axis, size]) => size <= smallest || axis === "hyper"),
      `${kernel.name}: first sample is the smallest`,
    );
    assertEquals(KERNELS.filter((k) => k.name === kernel.name).length, 1, `${kernel.name} is listed once`);
  }
});

const aimed = await orExit(() => targets(KERNELS)), backends = await orExit(() => testBackends());
const throughBinding = { way: javascriptWay("asked for by a test") };
// The other way to ONNX Runtime; what systems get that kernels/native has no library for; and what its CUDA provider gets, on the CPU: tensors that stay with the provider, attention without loops.
const variants = Object.entries<OnnxOptions>({
  "through its binding": throughBinding,
  "without operators of our own": { native: false },
  "as on a CUDA device": { memory: "provider", loops: false },
});
const onnx = backends.filter((b) => b.name.startsWith("onnx")), { library, reason } = openLibrary();
const others = onnx.flatMap(({ name, ignore }) =>
  variants.map(([variant, options]) => ({
    name: `${name} (${variant}${reason === null || options.way ? "" : `: ${reason}`})`,
    ignore: ignore || (library === null && !options.way),
    make: () => Promise.resolve(onnxBackend(options)),
  }))
);

// A real device, where one is asked for, keeps its tensors too.
const device = backends.filter(({ name }) => name === "cuda").map(({ name, ignore }) => ({
  name: `${name} (tensors on the device)`,
  ignore,
  make: () => Promise.resolve(onnxBackend({ provider: "cuda", memory: "provider" })),
}));

for (const { ignore } of onnx) {
  Deno.test({
    name: `ONNX Runtime gives the same bits through its C interface and its binding${
      reason ? `: ${reason}` : ""
    }`,
    ignore: ignore || library === null,
    fn: async (t) => {
      const ways = [onnxBackend({ native: false }), onnxBackend(throughBinding)];
      for (const { kernel, samples } of aimed) {
        const sample = samples.at(-1);
        if (!sample) continue;
        await t.step(label(kernel, sample), async () => {
          const inputs = sampleInputs(kernel, sample);
          const [one, other] = await Promise.all(
            ways.map((way) =>
              runOnce(way, kernelGraph(kernel, sample), inputs, { sizes: { ...sample.dims } })
            ),
          );
          assertEquals(one, other);
        });
      }
      for (const way of ways) await way.dispose();
    },
  });
}

for (const { name, ignore, make } of [...backends, ...others, ...device]) {
  Deno.test({
    name: `every kernel on every sample equals its float64 reference on ${name}`,
    ignore,
    fn: async (t) => {
      const backend: Backend = await make();
      for (const { kernel, samples } of aimed) {
        for (const sample of samples) {
          await t.step(label(kernel, sample), async () => {
            const inputs = sampleInputs(kernel, sample);
            const expected = referenceOf(kernel, sample);
            // Once with all sizes fixed, once with the first axis symbolic, as a packed row's length is.
            for (const axes of [[], [Object.values(kernel.inputs)[0]![0]!]]) {
              const actual = await runOnce(backend, kernelGraph(kernel, sample, axes), inputs, {
                sizes: { ...sample.dims },
              });
              for (const [output, values] of Object.entries(expected)) {
                const { ratio, index } = worst(actual[output]!, values, kernel.tolerance);
                assert(
                  ratio <= 1,
                  `${output}[${index}] is ${actual[output]![index]}, reference ${values[index]} (${
                    ratio.toFixed(1)
                  } × tolerance)`,
                );
              }
            }
          });
        }
      }
      await backend.dispose();
    },
  });
}

/** Weighted sum of all outputs, so that one number depends on all of them. */
function objective(outputs: Record<string, Float64Array>): number {
  return Object.values(outputs).reduce(
    (sum, values, o) => sum + values.reduce((s, v, i) => s + v * weight(o, i), 0),
    0,
  );
}

/** Weights that were worked out, by output: each is asked for at every difference. */
const weights: number[][] = [];

function weight(output: number, index: number): number {
  return (weights[output] ??= [])[index] ??= Math.cos(1 + output + index * 0.7);
}

Deno.test("every gradient equals central differences of the reference", async (t) => {
  const backend = referenceBackend();
  for (const { kernel, samples } of aimed.filter(({ kernel }) => kernel.grad)) {
    for (const sample of samples.filter((s) => s.gradient !== false)) {
      await t.step(label(kernel, sample), async () => {
        const graph = kernelGraph(kernel, sample),
          inputs = sampleInputs(kernel, sample),
          attrs = sample.attrs ?? {};
        const wrt = Object.keys(kernel.inputs).filter((n) =>
          !kernel.integers?.includes(n) && !kernel.constants?.includes(n)
        );
        const { backward } = differentiate(graph, Object.keys(kernel.outputs), wrt, "inputs");
        const seeds = Object.fromEntries(
          Object.entries(kernel.outputs).map(([name, axes], o) => {
            const count = shapeOf(axes, sample).reduce((a, b) => a * b, 1);
            return [`d.${name}`, Float64Array.from({ length: count }, (_, i) => weight(o, i))];
          }),
        );
        const actual = await runOnce64(backward, { ...inputs, ...seeds });
        for (const name of wrt) {
          const values = inputs[name]!, gradient = actual[`d.${name}`]!;
          const stride = Math.max(1, Math.floor(values.length / 40));
          for (let i = 0; i < values.length; i += stride) {
            const before = values[i]!, step = 1e-6 * Math.max(1, Math.abs(before));
            values[i] = before + step;
            const above = objective(kernel.reference(inputs, sample.dims, attrs));
            values[i] = before - step;
            const below = objective(kernel.reference(inputs, sample.dims, attrs));
            values[i] = before;
            const numeric = (above - below) / (2 * step);
            const allowed = 1e-6 * Math.max(1, Math.abs(above)) + 1e-5 * Math.abs(numeric);
            assert(
              Math.abs(numeric - gradient[i]!) <= allowed,
              `d.${name}[${i}] is ${gradient[i]}, differences give ${numeric}`,
            );
          }
        }
      });
    }
  }
  await backend.dispose();
});

/** Like runOnce on the reference backend, without rounding to float32 on the way in and out. */
async function runOnce64(graph: Parameters<typeof runOnce>[1], inputs: Record<string, Float64Array>) {
  const { ReferenceTensor } = await import("./backends/reference/mod.ts");
  const backend = referenceBackend(), program = await backend.compile(graph, "once");
  const tensors = Object.fromEntries(
    Object.entries(graph.inputs).map((
      [name, v],
    ) => [name, new ReferenceTensor(inputs[name]!, v.shape as number[], v.type)]),
  );
  const results = await program.run(tensors);
  return Object.fromEntries(
    Object.entries(results).map(([name, t]) => [name, (t as InstanceType<typeof ReferenceTensor>).values]),
  );
}

Deno.test("a program refuses a missing input, a wrong type and a wrong size by name", async () => {
  const g = new GraphBuilder();
  const kernel = KERNELS.find((k) => k.name === "linear")!;
  const y = g.run(kernel, { x: g.input("x", ["T", 3]), w: g.input("w", [2, 3]) }).y!;
  const program = await referenceBackend().compile(g.finish({ y }), "small");
  const backend = referenceBackend();
  const x = backend.zeros([4, 3]), w = backend.zeros([2, 3]);
  const message = async (inputs: Parameters<typeof program.run>[0]) => {
    try {
      await program.run(inputs);
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  };
  assertEquals(await message({ x, w }), "");
  assertEquals(await message({ x }), 'Cannot run program small: input "w" is missing');
  assertEquals(
    await message({ x, w: backend.zeros([3, 3]) }),
    'Cannot run program small: input "w" needs f32 [2,3] (T=4): current value is f32 [3,3]',
  );
});

Deno.test("a graph refuses sizes that don't fit, naming kernel, input and axis", () => {
  const g = new GraphBuilder();
  const kernel = KERNELS.find((k) => k.name === "linear")!;
  let text = "";
  try {
    g.run(kernel, { x: g.input("x", ["T", 3]), w: g.input("w", [2, 4]) });
  } catch (error) {
    text = (error as Error).message;
  }
  assertEquals(text, 'Cannot run kernel linear: input "w" needs axis "in" of size 3: current value is 4');
});

Deno.test("onnxBackend() refuses a provider that the build lacks", () => {
  let text = "";
  try {
    onnxBackend({ provider: "npu" as "cpu" });
  } catch (error) {
    text = (error as Error).message;
  }
  assert(text.startsWith('Cannot use ONNX Runtime provider "npu": this build offers cpu'), text);
});
