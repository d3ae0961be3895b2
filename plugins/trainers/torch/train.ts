/**
 * Training on PyTorch's processes. Apart from the plugin, so that only runs that train load the engine and the loop.
 * @module
 */
import type { TrainerInputs, TrainerResult } from "../../kinds/trainer.ts";
import { carryOut } from "../local/run.ts";
import { openTorchEngine } from "./engine.ts";
import { processesPerNode } from "./gpus.ts";
import { otherNodesCommand } from "./launch.ts";
import { modelFolder } from "./model_folder.ts";
import type { EngineChoices, TorchOptions } from "./options.ts";
import { startRanks } from "./ranks.ts";

/** Trains on the processes that the options name. @throws As {@linkcode carryOut} and {@linkcode startRanks} do. */
export async function trainOnTorch(
  inputs: TrainerInputs,
  options: TorchOptions,
  sharding: EngineChoices["sharding"],
): Promise<TrainerResult> {
  const { config, model, decoder, log } = inputs;
  if (decoder.moduleRoot !== undefined) {
    throw new RangeError(
      `Cannot train on PyTorch as its processes open text models only: current value is a ${decoder.modelType} model, of which text needs ` +
        "the language part alone; use trainer: local",
    );
  }
  const merged = inputs.merged ?? [];
  if (options.nnodes > 1 && merged.length > 0) {
    throw new RangeError(
      `Cannot train on ${options.nnodes} nodes upon merged adapters as each of them has to read what they make of the model: current value is ` +
        `${
          merged.join(", ")
        }; merge them once (deno task export), and put the folder under the same path everywhere`,
    );
  }
  if (options.nnodes > 1 && inputs.fresh !== undefined) {
    throw new RangeError(
      `Cannot train on ${options.nnodes} nodes with train_from_scratch: true as each of them has to read the weights that the run begins from: ` +
        "use nnodes: 1",
    );
  }
  if (options.nnodes > 1 && config.rope_scaling !== null) {
    throw new RangeError(
      `Cannot train on ${options.nnodes} nodes with rope_scaling: ${config.rope_scaling} as each of them has to read a config.json that has it: ` +
        "write it into the model's under the same path everywhere, and leave rope_scaling out",
    );
  }
  if (options.nnodes > 1 && model.format !== "safetensors") {
    throw new RangeError(
      `Cannot train ${model.path} on ${options.nnodes} nodes as each of them has to read it: current value is a ${model.format} file; ` +
        "write a folder of it once (deno task export), and put that under the same path everywhere",
    );
  }
  const temporary = await Deno.makeTempDir({ prefix: "dinotune-torch-model-" });
  try {
    return await carryOut(inputs, async (setup) => {
      const { tuning } = setup;
      if (tuning.type === "lora" && Object.values(tuning.modules).some(({ dora }) => dora)) {
        throw new RangeError(
          "Cannot train on PyTorch an adapter with DoRA, as adapters are plain ones there: use trainer: local, or train another one",
        );
      }
      const isChanged = merged.length > 0 || inputs.fresh !== undefined || config.rope_scaling !== null;
      // weights that are trained begin in float32
      const dtype = config.finetuning_type === "full" ? "float32" : options.dtype;
      const modelPath = modelFolder(model, decoder, temporary, dtype, isChanged);
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
