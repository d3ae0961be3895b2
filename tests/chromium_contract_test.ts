/**
 * Kernels on Chromium's WebGPU (Dawn on SwiftShader): an implementation that shares no code with Deno's (wgpu on the system's driver), shader
 * compiler and driver included.
 */
import { assert, assertEquals } from "@std/assert";
import { kernelGraph, runOnce, sampleInputs, worst } from "../kernels/contract.ts";
import { trySubgroups } from "../kernels/backends/webgpu/adapter/subgroups.ts";
import { KERNELS } from "../kernels/ops/mod.ts";
import { orExit, targets } from "../kernels/testing/aim.ts";
import { chromiumGpu, noChromium } from "./helpers/chromium_gpu.ts";
import { backendOn } from "./helpers/made_up_gpu.ts";

/**
 * SwiftShader doesn't come to an end with one pipeline of these within a quarter of an hour, for heads of two numbers either, as soon as
 * anything is summed over the blocks of keys, and Dawn refuses Mesa 22.3's lavapipe, which lacks shaderUniform*ArrayDynamicIndexing. That
 * they compile in Chromium is shaders_test's.
 */
const SLOW = /^attention(_grad)?$/;

const aimed = (await orExit(() => targets(KERNELS))).filter(({ kernel }) => !SLOW.test(kernel.name));
const reason = noChromium() ??
  (Deno.env.get("TEST_ALL") ? null : "minutes on a CPU; deno task test:all takes it");

Deno.test({
  name:
    `every kernel but attention and its gradient equals its float64 reference in Chromium, with subgroup functions and without${
      reason ? `: ${reason}` : ""
    }`,
  ignore: reason !== null,
  fn: async (t) => {
    const { gpu, close } = await chromiumGpu();
    try {
      const adapter = await gpu.requestAdapter();
      assert(adapter, "Chromium has no adapter");
      assertEquals(adapter.features.has("subgroups" as GPUFeatureName), true);
      const made = await adapter.requestDevice({ requiredFeatures: ["subgroups" as GPUFeatureName] });
      const { backend, device } = backendOn(made, adapter.info);
      const subgroups = await trySubgroups(device, adapter.info);
      // Chromium demands the line that Deno refuses.
      assert(typeof subgroups !== "string" && subgroups.enable, JSON.stringify(subgroups));
      for (const used of [subgroups, undefined]) {
        device.subgroups = used;
        for (const { kernel, samples } of aimed) {
          // Without subgroup functions the last one shows the other text.
          for (const sample of used ? samples : samples.slice(-1)) {
            await t.step(`${kernel.name} (${sample.note}${used ? "" : ", no subgroups"})`, async () => {
              const inputs = sampleInputs(kernel, sample);
              const expected = kernel.reference(inputs, sample.dims, sample.attrs ?? {});
              const actual = await runOnce(backend, kernelGraph(kernel, sample), inputs, {
                sizes: { ...sample.dims },
              });
              for (const [output, values] of Object.entries(expected)) {
                const { ratio, index } = worst(actual[output]!, values, kernel.tolerance);
                assert(
                  ratio <= 1,
                  `${output}[${index}] is ${actual[output]![index]}, reference ${values[index]}`,
                );
              }
            });
          }
        }
      }
      await backend.dispose();
    } finally {
      await close();
    }
  },
});
