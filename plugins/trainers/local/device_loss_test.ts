/** A GPU that goes away in the middle of a run: what is said, and that the run continues from its checkpoint. */
import { assertEquals, assertRejects } from "@std/assert";
import { testWebGpu } from "../../../kernels/testing/backends.ts";
import type { WebGpuBackend } from "../../../kernels/backends/webgpu/mod.ts";
import { openModel } from "../../../formats/hf_model/mod.ts";
import { tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { listCheckpoints } from "./checkpoints/checkpoint_directory.ts";
import { runTinyLoop } from "../../../tests/helpers/behaviour_run.ts";
import { readCheckpoint } from "./checkpoints/checkpoint.ts";
import { readTrained } from "./target/read_trained.ts";

const { name, ignore, make } = await testWebGpu();

Deno.test({
  name: `a run whose device is lost continues from its checkpoint, bit for bit (${name})`,
  ignore,
  fn: async () => {
    const decoder = tinyModel("qwen2").config;
    const whole = await runTinyLoop(
      {},
      async (result, { engine }) => {
        await result();
        return await engine.trained();
      },
      { backend: await make() },
    );

    const backend = await make() as WebGpuBackend;
    const folder = await runTinyLoop(
      {},
      async (result, { config, log }) => {
        const keep = log.step;
        log.step = (report) => {
          keep(report);
          if (report.step === 5) backend.device.destroy();
        };
        await assertRejects(result, Error, "resume_from_checkpoint: true");
        return config.output_dir;
      },
      { backend },
    );
    const last = listCheckpoints(folder).at(-1)!;
    assertEquals(last.step, 4);

    const resumed = await runTinyLoop(
      {},
      async (result, inputs) => {
        const { state, optimizer, references } = readCheckpoint(last.path);
        const weights = async (path: string) => (await openModel(path)).weights;
        await inputs.engine.restore(await readTrained(last.path, inputs.target, decoder, weights), optimizer);
        inputs.references.load(references);
        inputs.from = { step: state.step, best: state.best };
        await result();
        return await inputs.engine.trained();
      },
      { backend: await make() },
    );
    assertEquals(resumed, whole);
  },
});
