/**
 * The loop without anything around its steps, for measuring and testing it.
 * @module
 */
import type { LoopConfig } from "./loop_inputs.ts";

/** A loop at a constant rate that neither evaluates nor saves. */
export const BARE_LOOP: LoopConfig = {
  output_dir: "", // nothing is written
  learning_rate: 1e-4,
  lr_scheduler_type: "constant",
  lr_scheduler_kwargs: {},
  warmup_steps: 0,
  warmup_ratio: 0,
  max_grad_norm: 1,
  micro_batch_tokens: null,
  step_mean: "micro_batches",
  per_device_eval_batch_size: 2,
  eval_strategy: "no",
  eval_steps: 1,
  eval_delay: 0,
  eval_on_start: false,
  save_strategy: "no",
  save_steps: 1,
  save_total_limit: null,
  save_only_model: false,
  load_best_model_at_end: false,
  metric_for_best_model: null,
  greater_is_better: false,
  early_stopping_steps: null,
};
