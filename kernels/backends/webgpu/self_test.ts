/**
 * What a driver must get right before a run is trusted to it: a tiled product and an attention, against the reference.
 * @module
 */
import type { Backend } from "../../backend.ts";
import { kernelGraph, runOnce, sampleInputs, worst } from "../../contract.ts";
import type { Kernel, Sample } from "../../kernel.ts";
import { attention } from "../../ops/attention.ts";
import { linear } from "../../ops/linear.ts";

/** Kernels and a sample of each: several workgroups and a tail; barriers, workgroup memory, exp. */
const CASES: readonly [Kernel, Sample][] = [
  [linear, { note: "self-test", dims: { rows: 70, in: 36, out: 67 }, attrs: { alpha: 0.5 } }],
  [attention, attention.samples.find((s) => s.note === "two examples, one a tree of trees")!],
];

/** @throws {Error} If a result is outside of the kernel's tolerance. */
export async function selfTest(backend: Backend): Promise<void> {
  for (const [kernel, sample] of CASES) {
    const inputs = sampleInputs(kernel, sample);
    const expected = kernel.reference(inputs, sample.dims, sample.attrs ?? {});
    const actual = await runOnce(backend, kernelGraph(kernel, sample), inputs);
    for (const [name, values] of Object.entries(expected)) {
      const { ratio, index } = worst(actual[name]!, values, kernel.tolerance);
      if (ratio <= 1) continue;
      throw new Error(
        `Cannot use backend ${backend.name} on ${backend.description}: its self-test of kernel ${kernel.name} gives ` +
          `${actual[name]![index]} for ${values[index]}; update the driver or use backend: onnx`,
      );
    }
  }
}
