/**
 * Training on PyTorch's processes. Apart from the plugin, so that only runs that train load the engine and the loop.
 * @module
 */
import { join } from "@std/path";

import type { TrainerInputs, TrainerResult } from "../../kinds/trainer.ts";
import type { OpenEngine } from "../local/open_engine.ts";
import type { Tuning } from "../../../kernels/engine/weights/tuning.ts";
import { isOtherRule } from "../../../kernels/engine/optimizer/rules.ts";
import { withMerged } from "../../../kernels/engine/weights/merged_weights.ts";
import { carryOut } from "../local/run.ts";
import { checkDora } from "./dora.ts";
import { openTorchEngine } from "./engine.ts";
import { processesPerNode } from "./gpus.ts";
import { otherNodesCommand } from "./launch.ts";
import { modelFolder } from "./model_folder.ts";
import type { EngineChoices, TorchOptions } from "./options.ts";
import { type Ranks, startRanks } from "./ranks.ts";

/** A model that processes are to open. */
type Opened = Parameters<OpenEngine>[1];

/** Trains on the processes that the options name. @throws As {@linkcode carryOut} and {@linkcode startRanks} do. */
export async function trainOnTorch(
  inputs: TrainerInputs,
  options: TorchOptions,
  sharding: EngineChoices["sharding"],
): Promise<TrainerResult> {
  const { config, log, reference } = inputs;
  checkTrainable(inputs, options, sharding);
  const temporary = await Deno.makeTempDir({ prefix: "dinotune-torch-model-" });
  // the ranks of a reference model are the policy's: other machines lend theirs once
  let ranks: Ranks | null = null;
  try {
    return await carryOut(inputs, async (setup, opened) => {
      const { tuning } = setup, isPolicy = opened.model === inputs.model;
      checkWhole(tuning);
      checkDora(tuning, isPolicy ? { ...options, sharding } : { quantization: "none", sharding: "fsdp" });
      const { nnodes } = options, isFresh = isPolicy && inputs.fresh !== undefined;
      const isGrown = isPolicy && inputs.embeddings !== undefined;
      const isChanged = config.rope_scaling !== null || isFresh || isGrown || (setup.merged ?? []).length > 0;
      // weights that are trained begin in float32
      const dtype = isPolicy && config.finetuning_type !== "lora" ? "float32" : options.dtype;
      // the weights that are given have the adapters below the trained one in them, not what PiSSA takes out
      const below = (isPolicy ? inputs.merged : reference?.merged) ?? [];
      const taken = (setup.merged ?? []).slice(below.length);
      const weights = withMerged(opened.model.weights, taken, opened.decoder);
      const folder = join(temporary, isPolicy ? "policy" : "reference");
      const modelPath = modelFolder({ ...opened.model, weights }, opened.decoder, folder, {
        dtype,
        isChanged,
      });
      if (ranks === null && nnodes > 1) {
        log.note?.(`on each of the other machines: ${otherNodesCommand(options, processesPerNode(options))}`);
      }
      ranks ??= await startRanks(options);
      const { threads } = config;
      if (!isPolicy) {
        // DeepSpeed shares out what an optimizer changes, bitsandbytes' weights are the policy's
        const whole = {
          quantization: "none",
          sharding: sharding === "deepspeed" ? "fsdp" : sharding,
        } as const;
        const engine = await openTorchEngine(ranks, { ...setup, ...options, ...whole, modelPath, threads });
        return { ...engine, close: () => Promise.resolve() };
      }
      const engine = await openTorchEngine(ranks, { ...setup, ...options, modelPath, sharding, threads });
      log.note?.(await engine.describe());
      return engine;
    });
  } finally {
    await (ranks as Ranks | null)?.end();
    await Deno.remove(temporary, { recursive: true });
  }
}

/** Makes sure that the processes can train what is asked for, before anything is started. @throws {RangeError} If they can't, with what to do */
function checkTrainable(
  inputs: TrainerInputs,
  options: TorchOptions,
  sharding: EngineChoices["sharding"],
): void {
  const { config, reference } = inputs;
  if (options.nnodes > 1 && (inputs.fresh !== undefined || inputs.embeddings !== undefined)) {
    throw new RangeError(
      `Cannot train on ${options.nnodes} nodes with ${
        inputs.fresh ? "train_from_scratch: true" : "a changed vocabulary"
      } as each of them has to read the weights that the run begins from: use nnodes: 1`,
    );
  }
  if (config.additional_target.length > 0) {
    throw new RangeError(
      `Cannot train modules whole beside adapters on PyTorch as its processes train adapters alone: current value is additional_target: ${
        config.additional_target.join(", ")
      } (both embeddings by themselves where the vocabulary is changed); use trainer: local`,
    );
  }
  if (sharding === "deepspeed" && isOtherRule(config.optim)) {
    throw new RangeError(
      `Cannot use optim: ${config.optim} with sharding: deepspeed as AdamW alone is tried with it: set sharding: fsdp, or optim: adamw_torch`,
    );
  }
  if (inputs.loss.labelMeasure) {
    throw new RangeError(
      `Cannot train on PyTorch with a loss that measures labels' distributions (${inputs.loss.labelMeasure}) as its processes give log-probabilities of labels alone: ` +
        "use trainer: local",
    );
  }
  const isPissa = config.pissa_init && config.finetuning_type === "lora";
  if (isPissa && options.quantization !== "none") {
    throw new RangeError(
      `Cannot use pissa_init: true with quantization: ${options.quantization}, as the rest of the weights is ${options.dtype}: remove one of them`,
    );
  }
  if (isPissa && options.nnodes > 1) {
    throw new RangeError(
      `Cannot use pissa_init: true on ${options.nnodes} nodes as each of them has to read the rest of the weights: use one node`,
    );
  }
  for (const opened of [inputs, ...reference ? [reference] : []]) {
    checkOpenable(opened, opened.merged ?? [], options, config.rope_scaling !== null);
  }
}

function checkWhole(tuning: Tuning): void {
  if (tuning.type !== "lora" || tuning.whole === undefined) return;
  throw new RangeError(
    `Cannot train on PyTorch an adapter that has modules whole, as its processes train adapters alone: current value is ${
      tuning.whole.join(", ")
    }; use trainer: local`,
  );
}

/** @throws {RangeError} If processes, of several machines too, can't open a model */
function checkOpenable(
  { model, decoder }: Opened,
  merged: readonly string[],
  { nnodes }: TorchOptions,
  isScaled: boolean,
): void {
  if (decoder.moduleRoot !== undefined) {
    throw new RangeError(
      `Cannot train on PyTorch as its processes open text models only: current value is a ${decoder.modelType} model, of which text needs ` +
        "the language part alone; use trainer: local",
    );
  }
  if (nnodes > 1 && merged.length > 0) {
    throw new RangeError(
      `Cannot train on ${nnodes} nodes upon merged adapters as each of them has to read what they make of the model: current value is ` +
        `${
          merged.join(", ")
        }; merge them once (deno task export), and put the folder under the same path everywhere`,
    );
  }
  if (nnodes > 1 && isScaled) {
    throw new RangeError(
      `Cannot train on ${nnodes} nodes with rope_scaling as each of them has to read a config.json that has it: ` +
        "write it into the model's under the same path everywhere, and leave rope_scaling out",
    );
  }
  if (nnodes > 1 && model.format !== "safetensors") {
    throw new RangeError(
      `Cannot train ${model.path} on ${nnodes} nodes as each of them has to read it: current value is a ${model.format} file; ` +
        "write a folder of it once (deno task export), and put that under the same path everywhere",
    );
  }
}
