/**
 * The loss of a run, and the keys that must fit it.
 * @module
 */
import type { Loss } from "../../../plugins/kinds/loss.ts";
import { placed } from "../../../plugins/kinds/place.ts";
import { type LossKeys, lossName, type NamedLoss, type TrainConfig } from "../config/mod.ts";
import { checkBestMetric } from "../start_checks.ts";
import type { UsedPlugins } from "./used_plugins.ts";

/** Keys that choose the loss, or depend on it. */
export type LossStageKeys =
  & LossKeys
  & Pick<TrainConfig, "finetuning_type" | "eval_dataset">
  & Partial<
    Pick<
      TrainConfig,
      | "metric_for_best_model"
      | "eval_strategy"
      | "compute_accuracy"
      | "eval_on_each_dataset"
      | "pissa_init"
      | "ref_model"
    >
  >;

/**
 * Makes the loss.
 * @throws {RangeError} If it doesn't take what the stage trains, `pissa_init` leaves it without a reference, or it gives no value of `metric_for_best_model`
 */
export function prepareLoss(
  config: LossStageKeys,
  plugins: UsedPlugins,
  placeOf: (key: string) => string,
): NamedLoss & { loss: Loss } {
  const { name, options } = lossName(config);
  const loss = placed(
    placeOf("loss"),
    () => plugins.use("loss", name, options, () => placeOf("loss_options")),
  );
  placed(placeOf(lossKey(config)), () => checkMeasure(config, name, loss));
  placed(placeOf(lossKey(config)), () => checkDrawn(config, name, loss));
  placed(placeOf("pissa_init"), () => checkPissaReference(config, name, loss));
  const defaults = {
    metric_for_best_model: null,
    eval_strategy: "no",
    compute_accuracy: false,
    eval_on_each_dataset: false,
  } as const;
  placed(placeOf("metric_for_best_model"), () => checkBestMetric({ ...defaults, ...config }, loss));
  return { name, options, loss };
}

/** The key that chose a run's loss, where it isn't the stage's own. */
export function lossKey({ loss, use_eaft_loss, use_asft_loss }: LossKeys): string {
  if (loss !== null) return "loss";
  return use_asft_loss ? "use_asft_loss" : use_eaft_loss ? "use_eaft_loss" : "stage";
}

/** A value head is trained in stage rm, and nowhere else. */
function checkMeasure({ stage }: LossStageKeys, name: string, { measure }: Loss): void {
  if ((measure === "value") === (stage === "rm")) return;
  throw new RangeError(
    measure === "value"
      ? `Cannot use loss ${name} in stage ${stage} as it takes values of a value head: use stage: rm`
      : `Cannot use loss ${name} in stage rm as it takes log-probabilities, and a reward model gives values (measure: "value" of a loss): leave loss out, or ` +
        "use another stage",
  );
}

/** Answers that are drawn are learnt in stage grpo, and nowhere else. */
function checkDrawn({ stage }: LossStageKeys, name: string, { shape }: Loss): void {
  if ((shape === "prompt") === (stage === "grpo")) return;
  throw new RangeError(
    shape === "prompt"
      ? `Cannot use loss ${name} in stage ${stage} as it learns from answers that are drawn: use stage: grpo`
      : `Cannot use loss ${name} in stage grpo as it learns from answers of the data (shape ${shape}): leave loss out, or use another stage`,
  );
}

function checkPissaReference(
  { pissa_init, finetuning_type, ref_model = null }: LossStageKeys,
  name: string,
  loss: Loss,
): void {
  const isAnchored = loss.labelMeasure === "divergence";
  if (!pissa_init || finetuning_type !== "lora") return;
  if (!isAnchored && (!loss.needsReference || ref_model !== null)) return;
  throw new RangeError(
    `Cannot use pissa_init: true with loss ${name} as its reference is the model with adapters off, which lacks the leading parts then: ` +
      (isAnchored
        ? "use a loss without a divergence from it (use_asft_loss: false), or leave it out"
        : "name the model as ref_model, use a loss without a reference (stage sft, pref_loss orpo or simpo), or leave it out"),
  );
}
