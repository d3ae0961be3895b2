/**
 * Tests that need a WebGPU device, and a kernel's outputs there beside its reference.
 * @module
 */
import { assert } from "@std/assert";
import { kernelGraph, runOnce, sampleInputs, worst } from "../../kernels/contract.ts";
import type { Kernel, Sample } from "../../kernels/kernel.ts";
import { KERNELS } from "../../kernels/ops/mod.ts";
import { testWebGpu } from "../../kernels/testing/backends.ts";
import type { WebGpuBackend } from "../../kernels/backends/webgpu/mod.ts";

const { name: title, ignore } = await testWebGpu();

/** A test whose title names the device; skipped with the reason where there is none. */
export function deviceTest(name: string, fn: (t: Deno.TestContext) => Promise<void>): void {
  Deno.test({ name: `${name} (${title})`, ignore, fn });
}

/** @throws {AssertionError} If a kernel's outputs differ from its reference by more than its tolerance */
export async function assertAsReference(
  backend: WebGpuBackend,
  kernel: Kernel,
  sample: Sample,
): Promise<void> {
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

/** The built-in kernel of this name. */
export function kernelNamed(name: string): Kernel {
  return KERNELS.find((k) => k.name === name)!;
}
