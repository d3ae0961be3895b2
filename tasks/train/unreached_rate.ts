/**
 * Runs that end within their warm-up.
 * @module
 */
import type { TrainConfig } from "../../plugins/kinds/train_config.ts";
import { rowsOfStep, runLength } from "../../plugins/trainers/local/batches/steps.ts";
import { createSchedule, warmupSteps } from "../../plugins/trainers/local/loop/schedules.ts";

/** Keys that say how long a run is and how its learning rate changes. */
type RateKeys =
  & Parameters<typeof runLength>[0]
  & Parameters<typeof rowsOfStep>[0]
  & Pick<
    TrainConfig,
    "learning_rate" | "lr_scheduler_type" | "lr_scheduler_kwargs" | "warmup_ratio" | "warmup_steps"
  >;

/**
 * A note where a run ends before its learning rate is what the configuration says; none where it gets there.
 * @param examples Training examples of an epoch, or the packs that they are laid in
 */
export function unreachedRateNotes(config: RateKeys, examples: number): string[] {
  const { learning_rate: learningRate, warmup_steps, warmup_ratio } = config;
  const { totalSteps } = runLength(rowsOfStep(config), examples);
  const warmup = warmupSteps(totalSteps, warmup_steps, warmup_ratio);
  if (warmup < totalSteps) return [];
  // while it warms up it never falls
  const most = createSchedule(config.lr_scheduler_type, config.lr_scheduler_kwargs, {
    learningRate,
    totalSteps,
    warmupSteps: warmup,
  })(totalSteps - 1);
  if (most >= learningRate) return [];
  const [key, value] = warmup_steps > 0 ? ["warmup_steps", warmup_steps] : ["warmup_ratio", warmup_ratio];
  const length = totalSteps === 1 ? "the only step" : `the last of ${totalSteps} steps`;
  return [
    `learning_rate: ${learningRate} is never reached, as the run still warms up in ${length} (${key}: ${value}): it is ${
      most === 0 ? "0, so nothing is learnt" : `${Number(most.toPrecision(3))} at most`
    }; set a shorter warm-up, or more steps`,
  ];
}
