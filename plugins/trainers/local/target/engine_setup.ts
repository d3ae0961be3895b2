/**
 * From a run's configuration and what it trains to what its engine is made from.
 * @module
 */
import { isOtherRule } from "../../../../kernels/engine/optimizer/rules.ts";
import type { TrainerInputs } from "../../../kinds/trainer.ts";
import type { RunSetup } from "../open_engine.ts";
import type { Target } from "./target.ts";

/**
 * Everything that a run's engine is made from.
 * @param merged Folders of adapters that are merged into the model, in turn
 */
export function engineSetup(
  { config, model, decoder, loss, fresh, embeddings }: Pick<
    TrainerInputs,
    "config" | "model" | "decoder" | "loss" | "fresh" | "embeddings"
  >,
  { tuning, initial }: Target,
  merged: readonly string[] = [],
): RunSetup {
  return {
    modelPath: model.path,
    ...(fresh && { fresh }),
    ...(embeddings && { embeddings }),
    merged,
    decoder,
    tuning,
    initial,
    checkpointing: !config.disable_gradient_checkpointing,
    quantizationBit: config.quantization_bit,
    seed: config.seed,
    labelSmoothing: config.label_smoothing_factor,
    neftuneAlpha: config.neftune_noise_alpha ?? 0,
    keepsOriginal: loss.labelMeasure === "divergence",
    ...(loss.labelMeasure && { labelMeasure: loss.labelMeasure }),
    optimizer: {
      betas: [config.adam_beta1, config.adam_beta2],
      epsilon: config.adam_epsilon,
      weightDecay: config.weight_decay,
      ...(isOtherRule(config.optim) && { rule: config.optim }),
      ...(config.loraplus_lr_ratio !== null && { ratioOfB: config.loraplus_lr_ratio }),
    },
  };
}
