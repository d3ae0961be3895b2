/**
 * trainer_state.json, with the fields and spelling of transformers' TrainerState.
 * @module
 */
import type { RunLogSettings } from "./run_log_settings.ts";
import type { RunLogState } from "./run_log_state.ts";
import { absoluteSteps } from "../../../../plugins/kinds/train_config.ts";
import { sortedJson } from "../format.ts";

/**
 * The text of trainer_state.json. `best_model_checkpoint` is the checkpoint's name in the output directory, so that the
 * directory can be moved. Operations aren't counted: `total_flos` is 0.
 */
export function trainerStateText(state: RunLogState, settings: RunLogSettings, stopping: boolean): string {
  const { step, totalSteps, epoch, best } = state;
  const steps = (value: number) => totalSteps > 0 ? absoluteSteps(value, totalSteps) : value;
  return sortedJson({
    best_global_step: best?.step ?? null,
    best_metric: best?.metric ?? null,
    best_model_checkpoint: best?.saved ? `checkpoint-${best.step}` : null,
    epoch,
    eval_steps: settings.eval_strategy === "no" ? null : steps(settings.eval_steps),
    global_step: step,
    is_hyper_param_search: false,
    is_local_process_zero: true,
    is_world_process_zero: true,
    log_history: state.history,
    logging_steps: steps(settings.logging_steps),
    max_steps: totalSteps,
    num_input_tokens_seen: settings.include_num_input_tokens_seen ? state.tokens : 0,
    num_train_epochs: epochs(state, settings),
    save_steps: steps(settings.save_steps),
    stateful_callbacks: {
      TrainerControl: {
        args: {
          should_epoch_stop: false,
          should_evaluate: false,
          should_log: false,
          should_save: true,
          should_training_stop: stopping,
        },
        attributes: {},
      },
    },
    total_flos: 0,
    train_batch_size: settings.per_device_train_batch_size,
    trial_name: null,
    trial_params: null,
  }, 2) + "\n";
}

/** Epochs begun by the last step; with `max_steps` they follow from how far one step gets. */
function epochs({ step, totalSteps, epoch }: RunLogState, settings: RunLogSettings): number {
  if (settings.max_steps <= 0 || step === 0 || epoch === 0) return Math.ceil(settings.num_train_epochs);
  return Math.ceil(totalSteps * epoch / step - 1e-6);
}
