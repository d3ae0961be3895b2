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
import { countGpus, otherNodesCommand } from "./launch.ts";
import { processMemory } from "./memory.ts";
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

function storageOf(full: boolean, { dtype, quantization, cpu_offload }: TorchOptions): string {
  const kept = full
    ? "float32, as all are trained"
    : quantization === "4bit"
    ? `NF4, ${dtype} elsewhere`
    : dtype;
  return cpu_offload ? `${kept}, resting in the host's memory` : kept;
}

/** Trains on PyTorch, on one or more processes. */
const torch: Plugin<"trainer", typeof torchOptions> = definePlugin({
  kind: "trainer",
  name: "torch",
  version: "1",
  description: "Trains on PyTorch's processes: one GPU or many, one machine or several.",
  options: torchOptions,
  create: (options) => {
    const processes = processesPerNode(options) * options.nnodes, sharding = shardingOf(options, processes);
    return {
      train: (inputs) => train(inputs, options, sharding),
      memory: (size) => ({
        memory: processMemory(size, { ...options, sharding }, processes),
        processes,
        storage: storageOf(size.full, options),
        place: countGpus() > 0 ? "device" : "host",
      }),
    };
  },
});
export default torch;
