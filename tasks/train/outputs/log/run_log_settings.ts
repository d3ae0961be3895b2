/**
 * The keys of a configuration that the log of a run depends on.
 * @module
 */
import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";

/** Keys that the log needs. */
export type RunLogSettings = Pick<
  TrainConfig,
  | "logging_strategy"
  | "logging_steps"
  | "logging_first_step"
  | "eval_strategy"
  | "eval_steps"
  | "save_steps"
  | "include_num_input_tokens_seen"
  | "per_device_train_batch_size"
  | "num_train_epochs"
  | "max_steps"
>;
