/**
 * A process that starts an engine, uses it once, closes it and ends with exit code 7, as a training does with its own.
 * Argument: the backend. Started by exit_code_test.ts.
 * @module
 */
import { openModel } from "../formats/hf_model/mod.ts";
import { packExamples } from "../kernels/engine/packs/pack.ts";
import { startEngine } from "../kernels/engine/worker/remote.ts";
import { models } from "../plugins/models/mod.ts";
import { decoderOf } from "../plugins/kinds/decoder_of.ts";
import { Registry } from "../plugins/registry.ts";
import { runTask } from "../tasks/common/cli/run_task.ts";

const modelPath = new URL("../fixtures/goldens/tiny/qwen2/model", import.meta.url).pathname;

await runTask(async () => {
  const model = await openModel(modelPath);
  const decoder = decoderOf(new Registry(models), model);
  model.weights.close();
  const engine = await startEngine({
    modelPath,
    decoder,
    tuning: { type: "none" },
    initial: {},
    checkpointing: false,
    seed: 1,
    device: { backend: Deno.args[0] as "onnx" | "webgpu", provider: "cpu", threads: 1 },
    optimizer: null,
  });
  const sequence = { name: "y", input_ids: [3, 4, 5], labels: [-100, 4, 5] };
  const pack = packExamples([{ index: 0, source: { file: "f", row: 0 }, sequences: [sequence] }]);
  const logps = await engine.forward(pack, { adapter: false, keep: false });
  await engine.close();
  return logps.every(Number.isFinite) ? 7 : 1;
});
