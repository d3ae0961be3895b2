/**
 * Checks that a driver must pass before a run is trusted to it: a tiled product and an attention, against the reference.
 * @module
 */
import type { Backend } from "../../backend.ts";
import { kernelGraph, runOnce, sampleInputs, worst } from "../../contract.ts";
import type { Arrays, Kernel, Sample } from "../../kernel.ts";
import { treesSample } from "../../ops/attention/attention_samples.ts";
import { attention } from "../../ops/attention/attention.ts";
import { gatherRows } from "../../ops/layout/gather_rows.ts";
import { linear } from "../../ops/products/products.ts";
import { rmsNorm } from "../../ops/norms/rms_norm.ts";
import { LARGEST_HALF } from "./device/half.ts";

/** Several workgroups and a tail; barriers and workgroup memory. */
const PRODUCT: Sample = { note: "self-test", dims: { rows: 70, in: 36, out: 67 }, attrs: { alpha: 0.5 } };
const CASES: readonly (readonly [Kernel, Sample])[] = [[linear, PRODUCT], [attention, treesSample]];

/** A whole workgroup's sum, and sums of 8 and of 32 invocations, some of which have no column. */
const REDUCTIONS: readonly (readonly [Kernel, Sample])[] = [
  [rmsNorm, { note: "self-test", dims: { rows: 3, cols: 1100, group: 1100 }, attrs: { eps: 1e-5 } }],
  [linear, { note: "self-test", dims: { rows: 2, in: 72, out: 515 } }],
  [linear, { note: "self-test", dims: { rows: 5, in: 140, out: 67 } }],
];

/** Tries that subgroup functions give the kernels that use them the right values. Null, or what is wrong. */
export async function subgroupSelfTest(backend: Backend): Promise<string | null> {
  try {
    for (const [kernel, sample] of [...CASES, ...REDUCTIONS]) {
      const problem = await compare(backend, kernel, sample, { inputs: sampleInputs(kernel, sample) });
      if (problem !== null) return problem;
    }
    return null;
  } catch (error) {
    return (error as Error).message.replace(/\n.*/s, "");
  }
}

/** @throws {Error} If a result is outside of the kernel's tolerance. */
export async function selfTest(backend: Backend): Promise<void> {
  for (const [kernel, sample] of CASES) {
    const problem = await compare(backend, kernel, sample, { inputs: sampleInputs(kernel, sample) });
    if (problem === null) continue;
    throw new Error(
      `Cannot use backend ${backend.name} on ${backend.description}: its self-test of kernel ${problem}; ` +
        `update the driver or use backend: onnx`,
    );
  }
}

/**
 * Tries that shaders read float16 right: a product, and numbers of every size one by one, those below 2⁻¹⁴ too, which WGSL
 * allows a device to take for zero. Null, or what is wrong.
 */
export async function halfSelfTest(backend: Backend): Promise<string | null> {
  const every = Float64Array.from({ length: 82 }, (_, i) => (i % 2 ? -1 : 1) * 2 ** (Math.floor(i / 2) - 24));
  every.set([0, LARGEST_HALF, -LARGEST_HALF, 3 * 2 ** -24, 1023 * 2 ** -24, 2047], 76);
  const table: Sample = { note: "self-test", dims: { rows: 41, cols: 2, labels: 41 } };
  const ids = Float64Array.from({ length: 41 }, (_, i) => 40 - i);
  const { w, ...inputs } = sampleInputs(linear, PRODUCT);
  try {
    return await compare(backend, gatherRows, table, { inputs: { x: every, ids }, frozen: ["x"] }) ??
      await compare(backend, linear, PRODUCT, {
        inputs: { ...inputs, w: w.map(Math.f16round) },
        frozen: ["w"],
      });
  } catch (error) {
    return (error as Error).message.replace(/\n.*/s, "");
  }
}

/** Null, or "NAME gives A for B". */
async function compare(
  backend: Backend,
  kernel: Kernel,
  sample: Sample,
  { inputs, frozen = [] }: { inputs: Arrays; frozen?: readonly string[] },
): Promise<string | null> {
  const expected = kernel.reference(inputs, sample.dims, sample.attrs ?? {});
  const graph = kernelGraph(kernel, sample);
  const actual = await runOnce(backend, graph, inputs, { frozen });
  for (const [name, values] of Object.entries(expected)) {
    const given = actual[name] ?? new Float64Array(),
      { ratio, index } = worst(given, values, kernel.tolerance);
    if (!(ratio <= 1)) return `${kernel.name} gives ${given[index]} for ${values[index]}`;
  }
  return null;
}
