/**
 * SmolLM2-135M-Instruct against PyTorch on WebGPU: one step. An adapter that is a CPU takes five minutes for it, so there it runs only when
 * BACKENDS names webgpu; the tiny models' goldens run there always.
 */
import { softwareAdapter, testBackends } from "../../../kernels/testing/backends.ts";
import { assertSteps } from "../../../tests/helpers/golden_run.ts";
import { ignore, repeat, why } from "../../../tests/helpers/smollm2_golden.ts";

const isNamed = Deno.env.get("BACKENDS")?.split(",").includes("webgpu");
const software = isNamed ? null : await softwareAdapter();
const slow = software === null
  ? ""
  : `: the only adapter, ${software}, is a CPU and takes minutes; BACKENDS=webgpu runs it`;

for (const backend of (await testBackends()).filter(({ name }) => name.startsWith("webgpu"))) {
  Deno.test({
    name: `trainLoop() repeats a step of IOPO on SmolLM2 on ${backend.name}${why}${slow}`,
    ignore: ignore || backend.ignore || slow !== "",
    fn: async () => {
      const { golden, steps } = await repeat("iopo", await backend.make(), false, 1);
      assertSteps(steps, golden.steps.slice(0, 1));
    },
  });
}
