/**
 * The loss plugin that a configuration names, and its options.
 * @module
 */
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";

/** A plugin and its options, before the plugin's own schema fills in defaults. */
export interface NamedLoss {
  /** Name of the loss plugin. */
  name: string;
  /** Options as written, for the plugin's schema. */
  options: Record<string, unknown>;
}

/** Keys of a configuration that name a loss or set its options. */
export type LossKeys = Pick<
  TrainConfig,
  | "stage"
  | "loss"
  | "loss_options"
  | "pref_loss"
  | "pref_beta"
  | "pref_ftx"
  | "pref_bco_weight"
  | "kto_chosen_weight"
  | "kto_rejected_weight"
  | "simpo_gamma"
  | "dpo_label_smoothing"
  | "iopo_label_smoothing"
  | "iopo_variant"
  | "ld_alpha"
  | "use_dft_loss"
  | "use_eaft_loss"
  | "eaft_alpha"
  | "use_asft_loss"
  | "asft_alpha"
  | "llamafactory_version"
  | "grpo_beta"
  | "epsilon"
  | "epsilon_high"
  | "grpo_loss_type"
  | "max_new_tokens"
>;

/** `loss` and `loss_options` if given, else what `stage` and `pref_loss` mean. */
export function lossName(config: LossKeys): NamedLoss {
  const { stage, pref_loss: loss_type, pref_beta: beta, pref_ftx } = config;
  if (config.loss !== null) return { name: config.loss, options: config.loss_options };
  const desensitizing = config.ld_alpha !== null && { ld_alpha: config.ld_alpha };
  switch (stage) {
    case "pt":
      return { name: "pt", options: {} };
    case "sft":
      return {
        name: "sft",
        options: {
          ...(config.use_dft_loss && { dft: true }),
          ...(config.use_eaft_loss && { eaft_alpha: config.eaft_alpha }),
          ...(config.use_asft_loss && { asft_alpha: config.asft_alpha }),
        },
      };
    case "rm":
      return { name: "rm", options: {} };
    case "grpo":
      return { name: "grpo", options: grpoOptions(config) };
    case "kto":
      return {
        name: "kto",
        options: {
          beta,
          chosen_weight: config.kto_chosen_weight,
          rejected_weight: config.kto_rejected_weight,
          pref_ftx,
        },
      };
    case "iopo":
      return {
        name: "iopo",
        options: {
          beta,
          loss_type,
          label_smoothing: config.iopo_label_smoothing,
          variant: config.iopo_variant,
          pref_ftx,
        },
      };
    case "dpo":
      if (loss_type === "orpo") return { name: "orpo", options: { beta, pref_ftx, ...desensitizing } };
      if (loss_type === "simpo") {
        return { name: "simpo", options: { beta, gamma: config.simpo_gamma, pref_ftx, ...desensitizing } };
      }
      return {
        name: "dpo",
        options: {
          beta,
          loss_type: asVersion(config),
          label_smoothing: config.dpo_label_smoothing,
          pref_ftx,
          ...desensitizing,
          ...(config.pref_bco_weight > 0 && { bco_weight: config.pref_bco_weight }),
        },
      };
  }
}

function grpoOptions(config: LossKeys) {
  const { grpo_beta: beta, epsilon, epsilon_high, grpo_loss_type: loss_type, max_new_tokens } = config;
  return { beta, epsilon, epsilon_high, loss_type, max_new_tokens };
}

/** LLaMA-Factory 0.9.5 doesn't hand the name of the loss on to TRL 0.24 (fixtures/goldens/llamafactory/README.md). */
function asVersion({ pref_loss, llamafactory_version }: LossKeys): string {
  if (llamafactory_version === null) return pref_loss;
  return { hinge: "sigmoid", ipo: "sigmoid_norm" }[pref_loss as string] ?? pref_loss;
}
