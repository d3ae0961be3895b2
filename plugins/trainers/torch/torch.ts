/**
 * The trainer on PyTorch: the loop, losses, packs and files are those of the local trainer, the engine runs in Python processes, one
 * a GPU (python/README.md, docs/scale.md).
 * @module
 */
import { definePlugin, type Plugin } from "../../kinds/plugin.ts";
import type { TrainerInputs, TrainerResult } from "../../kinds/trainer.ts";
import { carryOut } from "../local/run.ts";
import { openTorchEngine } from "./engine.ts";
import { modelFolder } from "./model_folder.ts";
import { type EngineChoices, shardingOf, type TorchOptions, torchOptions } from "./options.ts";
import { otherNodesCommand } from "./launch.ts";
import { processesPerNode, startRanks } from "./ranks.ts";

async function train(
  inputs: TrainerInputs,
  options: TorchOptions,
  sharding: EngineChoices["sharding"],
): Promise<TrainerResult> {
  const { config, model, decoder, log } = inputs;
  const temporary = await Deno.makeTempDir({ prefix: "dinotune-torch-model-" });
  try {
    return await carryOut(inputs, async (setup) => {
      const modelPath = modelFolder(model, decoder, temporary, options.dtype);
      if (options.nnodes > 1) {
        log.note?.(`on each of the other machines: ${otherNodesCommand(options, processesPerNode(options))}`);
      }
      const ranks = await startRanks(options);
      try {
        const { threads } = config;
        const engine = await openTorchEngine(ranks, { ...setup, ...options, modelPath, sharding, threads });
        log.note?.(await engine.describe());
        return engine;
      } catch (error) {
        await ranks.end();
        throw error;
      }
    });
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
}

/** Trains on PyTorch, on one or more processes. */
const torch: Plugin<"trainer", typeof torchOptions> = definePlugin({
  kind: "trainer",
  name: "torch",
  version: "1",
  description: "Trains on PyTorch's processes: one GPU or many, one machine or several.",
  options: torchOptions,
  create: (options) => {
    const sharding = shardingOf(options, processesPerNode(options) * options.nnodes);
    return { train: (inputs) => train(inputs, options, sharding) };
  },
});
export default torch;
