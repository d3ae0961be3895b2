/** Programs of models that no test runs, held to what WebGPU promises on every device. */
import { assert, assertEquals } from "@std/assert";
import { LARGE_MODELS, modelDispatches } from "../../../../tests/helpers/model_plans.ts";

/** `maxComputeWorkgroupsPerDimension`, `maxStorageBuffersPerShaderStage` and the alignments of every device. */
const DIMENSION = 65_535, BUFFERS = 8, ALIGNMENT = 256;

for (const [name, config] of Object.entries(LARGE_MODELS)) {
  Deno.test(`dispatches of ${name} stay within WebGPU's limits, at 128 MiB a binding and at 2 GiB`, async () => {
    let folded = 0, parts = 0;
    for (const [rows, bindingBytes] of [[37, 2 ** 27], [8192, 2 ** 27], [8192, 2 ** 31 - 256]] as const) {
      for (
        const { where, given, planned } of await modelDispatches(config, rows, rows > 37, { bindingBytes })
      ) {
        const [x, y, z] = planned.workgroups, count = x * y * z;
        assert(
          Math.max(x, y, z) <= DIMENSION && count >= given.workgroups,
          `${where}: ${planned.workgroups}`,
        );
        // Workgroups too many only end the last line.
        assert(count - given.workgroups < x, `${where}: ${count} for ${given.workgroups}`);
        assert(planned.bindings.length <= BUFFERS, `${where} binds ${planned.bindings.length} buffers`);
        for (const { offset, size } of [...planned.bindings, { offset: planned.uniformOffset, size: 0 }]) {
          assert(offset % ALIGNMENT === 0 && size <= bindingBytes, `${where}: ${size} bytes at ${offset}`);
        }
        if (y > 1) folded++;
        if (given.bindings.some(({ part }) => part !== undefined && part.first > 0)) parts++;
      }
    }
    // A kernel that isn't met here would show nothing.
    assertEquals([folded > 0, parts > 0], [name !== "SmolLM2-135M", true]);
  });
}
