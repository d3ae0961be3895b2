/**
 * The keys of a configuration that the log of a run depends on.
 * @module
 */
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";

/** What of a configuration the log needs. */
export interface RunLogSettings extends
  Pick<
    TrainConfig,
    | "logging_strategy"
    | "logging_steps"
    | "logging_first_step"
    | "eval_strategy"
    | "eval_steps"
    | "save_steps"
    | "metric_for_best_model"
    | "greater_is_better"
    | "include_num_input_tokens_seen"
    | "per_device_train_batch_size"
    | "num_train_epochs"
    | "max_steps"
  > {
  /** Six times the parameters without embeddings, for `total_flos`; absent: not estimated. */
  flopsPerToken?: number;
}
