/** SmolLM2-135M-Instruct against PyTorch on WebGPU: one step, as a software adapter takes half a minute for it; tiny models go further. */
import { testBackends } from "../../../kernels/testing/backends.ts";
import { assertSteps } from "../../../tests/helpers/golden_run.ts";
import { ignore, repeat, why } from "../../../tests/helpers/smollm2_golden.ts";

for (const backend of (await testBackends()).filter(({ name }) => name.startsWith("webgpu"))) {
  Deno.test({
    name: `trainLoop() repeats a step of IOPO on SmolLM2 on ${backend.name}${why}`,
    ignore: ignore || backend.ignore,
    fn: async () => {
      const { golden, steps } = await repeat("iopo", await backend.make(), false, 1);
      assertSteps(steps, golden.steps.slice(0, 1));
    },
  });
}
