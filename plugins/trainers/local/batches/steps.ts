/**
 * Number of optimizer steps of a run, counted as transformers' Trainer counts them.
 * @module
 */
import type { TrainConfig } from "../../../kinds/train_config.ts";

/** Steps and epochs of a run. */
export interface RunLength {
  /** Micro-batches of an epoch. */
  batchesPerEpoch: number;
  /** Optimizer steps of an epoch; the last one may have fewer micro-batches. */
  stepsPerEpoch: number;
  /** Optimizer steps of the run. */
  totalSteps: number;
  /** Epochs begun. */
  epochs: number;
}

/** Keys that say how many rows a step takes. */
export type StepKeys = Pick<
  TrainConfig,
  "per_device_train_batch_size" | "gradient_accumulation_steps" | "dataloader_drop_last"
>;

/**
 * How a step takes rows: in stage grpo the batch size counts answers, of which each prompt has num_generations, and prompts that don't fill an epoch's last step are left
 * out, as in TRL; in other stages as the keys say.
 */
export function rowsOfStep<Config extends StepKeys & Partial<Pick<TrainConfig, "stage" | "num_generations">>>(
  config: Config,
): Config {
  const { stage, num_generations = 1, per_device_train_batch_size, gradient_accumulation_steps } = config;
  if (stage !== "grpo") return config;
  const prompts = per_device_train_batch_size * gradient_accumulation_steps / num_generations;
  return {
    ...config,
    per_device_train_batch_size: prompts,
    gradient_accumulation_steps: 1,
    dataloader_drop_last: true,
  };
}

/**
 * Length of a run over so many training examples.
 * @param examples Training examples of an epoch
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { runLength } from "./steps.ts";
 *
 * const keys = { per_device_train_batch_size: 2, gradient_accumulation_steps: 2, max_steps: -1, dataloader_drop_last: false };
 * assertEquals(runLength({ ...keys, num_train_epochs: 1.5 }, 24).totalSteps, 9);
 * ```
 * @throws {RangeError} If there isn't one micro-batch
 */
export function runLength(
  config:
    & Pick<
      TrainConfig,
      | "per_device_train_batch_size"
      | "gradient_accumulation_steps"
      | "num_train_epochs"
      | "max_steps"
      | "dataloader_drop_last"
    >
    & Partial<Pick<TrainConfig, "stage">>,
  examples: number,
): RunLength {
  const batch = config.per_device_train_batch_size;
  const batchesPerEpoch = config.dataloader_drop_last
    ? Math.floor(examples / batch)
    : Math.ceil(examples / batch);
  if (batchesPerEpoch === 0 && config.stage === "grpo") {
    throw new RangeError(
      `Cannot train as ${examples} prompts don't fill a step of ${batch} (per_device_train_batch_size × gradient_accumulation_steps ÷ num_generations): ` +
        "take fewer answers a step, or more prompts",
    );
  }
  if (batchesPerEpoch === 0) {
    throw new RangeError(
      `Cannot train as ${examples} examples don't fill a micro-batch of ${batch}: ` +
        (config.dataloader_drop_last ? "set dataloader_drop_last: false" : "there is no training data"),
    );
  }
  const stepsPerEpoch = Math.ceil(batchesPerEpoch / config.gradient_accumulation_steps);
  const byEpochs = Math.ceil(config.num_train_epochs * stepsPerEpoch);
  const totalSteps = config.max_steps > 0 ? config.max_steps : byEpochs;
  return { batchesPerEpoch, stepsPerEpoch, totalSteps, epochs: Math.ceil(totalSteps / stepsPerEpoch) };
}
