/**
 * Inputs of the optimisation loop.
 * @module
 */
import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";
import type { TrainConfig } from "../../../kinds/train_config.ts";
import type { DueWorkKey, EvaluationSet } from "../../../kinds/trainer.ts";
import type { RolloutsOfRun } from "../rollouts/open_rollouts.ts";
import type { BatchPlan } from "../batches/batches.ts";
import type { CheckpointState } from "../checkpoints/checkpoint.ts";
import type { Target } from "../target/target.ts";
import type { StepInputs } from "./train_step.ts";

/** Keys of a configuration that decide what the loop does. */
export type LoopConfig =
  & StepInputs["config"]
  & Pick<
    TrainConfig,
    | "output_dir"
    | "learning_rate"
    | "lr_scheduler_type"
    | "lr_scheduler_kwargs"
    | "warmup_steps"
    | "warmup_ratio"
    | "per_device_eval_batch_size"
    | DueWorkKey
  >;

/** Inputs of the loop. */
export interface LoopInputs extends StepInputs {
  config: LoopConfig;
  plan: BatchPlan;
  target: Target;
  evaluation: EncodedExample[];
  /** Makes a step's examples of its rows, which are prompts; absent: rows are examples. */
  rollouts?: RolloutsOfRun;
  evaluationSets?: readonly EvaluationSet[] | null;
  /** Kept in checkpoints, for telling changes on resume. */
  record: Readonly<Record<string, unknown>>;
  dataHash: string;
  modelHash: string;
  modelConfigHash?: string;
  /** Of another model that is the reference. */
  referenceHash?: string;
  /** Where the checkpoint that is resumed from stands. */
  from: Pick<CheckpointState, "step" | "best" | "unevaluated">;
}
