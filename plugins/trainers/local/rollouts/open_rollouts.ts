/**
 * Rollouts of a run: opened with its engine, asked for each step, closed with it.
 * @module
 */
import type { BackendChoice, EngineClient } from "../../../../kernels/engine/host.ts";
import type { TrainerInputs } from "../../../kinds/trainer.ts";
import { isDue, type SchedulePoint } from "../../schedule_points.ts";
import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";
import type { Target } from "../target/target.ts";
import { writeCompletions } from "./completions.ts";
import { DrawingPolicy } from "./policy.ts";
import type { Answer } from "./rollout_metrics.ts";
import { rollOut, type StepRollout } from "./rollouts.ts";

/** What makes the examples of a run's steps. */
export interface RolloutsOfRun {
  /**
   * Answers to a step's prompts; null when it was interrupted.
   * @param point Where the run stands right behind the step
   */
  step(prompts: readonly EncodedExample[], point: SchedulePoint): Promise<StepRollout | null>;
  close(): Promise<void>;
}

/** Makes rollouts of a run, or none where its stage has none. */
export type OpenRollouts = (
  inputs: TrainerInputs,
  target: Target,
  engine: Pick<EngineClient, "trained">,
) => RolloutsOfRun | null;

/** Rollouts whose answers are drawn on a device. */
export function rolloutsOn(device: BackendChoice): OpenRollouts {
  return (inputs, target, engine) => {
    const { rollout, config, model, log, signal } = inputs;
    if (!rollout) return null;
    const { rewards, endIds } = rollout;
    let first = true, isUnscoredTold = false;
    const tellUnscored = (step: number, answers: readonly Answer[]) => {
      if (isUnscoredTold || answers.some(({ reward }) => reward !== null)) return;
      isUnscoredTold = true;
      log.warn(
        `no answer of step ${step} has a reward by ${
          rewards.names.join(", ")
        }, so nothing is learnt from them: judges gave null (docs/rewards.md)`,
      );
    };
    const onPhase = (name: string, done: number, total: number) => {
      if (first) log.phase(name, done, total);
    };
    const policy = new DrawingPolicy({
      config,
      model,
      decoder: inputs.decoder,
      target,
      device,
      endIds,
      onPhase,
      note: (line) => log.note?.(line),
    });
    return {
      async step(prompts, point) {
        const isLogged = config.log_completions &&
          (point.step === 1 || isDue(config.logging_strategy, config.logging_steps, point));
        const made = await rollOut(
          {
            ...{ config, rewards, tokenizer: model.tokenizer, policy, signal },
            onAnswers: (done, total) => onPhase("answers of the first step", done, total),
            onStep: (_, answers) => {
              tellUnscored(point.step, answers);
              if (isLogged) writeCompletions(config.output_dir, point.step, answers, rewards.names);
            },
          },
          prompts,
          point.step - 1,
          await engine.trained(),
        );
        first = false;
        return made;
      },
      close: () => policy.close(),
    };
  };
}
