/**
 * Direct preference optimisation (Rafailov et al. 2023) and its relatives. With R = log π − log π_ref summed over the
 * answer and z = β(R_chosen − R_rejected):
 *
 * - sigmoid: −(1−ε) log σ(z) − ε log σ(−z)
 * - hinge: max(0, 1 − z) (SLiC, Zhao et al. 2023)
 * - ipo: (R_c/n_c − R_r/n_r − 1/(2β))², log-ratios per token (Azar et al. 2023, as LLaMA-Factory and TRL do it)
 * - sigmoid_norm: sigmoid of the log-ratios per token (TRL's name)
 * - robust: (−(1−ε) log σ(z) + ε log σ(−z)) / (1−2ε) (Chowdhury et al. 2024)
 * - exo_pair, nca_pair, bco_pair, sppo_hard, apo_zero, apo_down: `_trl_forms.ts`
 *
 * With `bco_weight` w it is (loss + w·BCO) / (1 + w), BCO's δ the running mean of rewards (`_preference.ts`), as LLaMA-Factory 0.9.5 mixes them.
 * @module
 */
import { z } from "zod";

import { defineLoss } from "../kinds/loss.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import {
  bco,
  bcoWeightOption,
  betaOption,
  comparison,
  comparisonAtZero,
  desensitized,
  labelSmoothingOption,
  ldAlphaOption,
  meanReward,
  prefFtxOption,
  rewardMetrics,
  smoothingFits,
  smoothingMessage,
  withFtx,
} from "./_preference.ts";
import { isTrlForm, trlForms } from "./_trl_forms.ts";
import { constant, type Scalar } from "../../kernels/tape.ts";

const LOSS_TYPES = [
  ...["sigmoid", "hinge", "ipo", "robust", "sigmoid_norm"] as const,
  ...["exo_pair", "nca_pair", "bco_pair", "sppo_hard", "apo_zero", "apo_down"] as const,
] as const;

const Options = z.strictObject({
  beta: betaOption,
  loss_type: z.enum(LOSS_TYPES).default("sigmoid").describe("form of the comparison"),
  label_smoothing: labelSmoothingOption,
  pref_ftx: prefFtxOption,
  ld_alpha: ldAlphaOption,
  bco_weight: bcoWeightOption,
}).refine(smoothingFits, smoothingMessage).refine(
  ({ loss_type, label_smoothing }) => loss_type !== "exo_pair" || label_smoothing > 0,
  {
    path: ["label_smoothing"],
    message:
      "Cannot use loss_type exo_pair without label smoothing, whose logarithm it takes. Its paper uses 0.001",
  },
);

/** The plugin `dpo`; formula above. */
const dpo: Plugin<"loss", typeof Options> = definePlugin({
  kind: "loss",
  name: "dpo",
  version: "1",
  description:
    "Direct preference optimisation: sigmoid, hinge, ipo, robust, APO, EXO, NCA and others, with a reference",
  options: Options,
  create({ beta, loss_type, label_smoothing: smoothing, pref_ftx, ld_alpha, bco_weight: weight }) {
    const target = 1 / (2 * beta);
    const perToken = loss_type === "ipo" || loss_type === "sigmoid_norm";
    const form = loss_type === "sigmoid_norm" ? "sigmoid" : loss_type;
    const compared = (chosen: Scalar, rejected: Scalar) => {
      const delta = chosen.minus(rejected);
      if (form === "ipo") return delta.minus(target).square();
      return isTrlForm(form)
        ? trlForms[form]({ chosen, rejected, beta, smoothing })
        : comparison(delta.times(beta), form, smoothing);
    };
    const withBco = (loss: Scalar, { chosen, rejected, delta }: Parameters<typeof bco>[0]) =>
      weight === 0
        ? loss
        : bco({ chosen: chosen.times(beta), rejected: rejected.times(beta), delta }).times(weight).plus(loss)
          .dividedBy(1 + weight);
    const zero = constant(0);
    const atZero = isTrlForm(form) || form === "ipo"
      ? compared(zero, zero)
      : constant(comparisonAtZero(form));
    const scale = (tokens: number) => perToken ? tokens : 1;
    return defineLoss({
      shape: "pair",
      sequences: { chosen: ["x", "chosen"], rejected: ["x", "rejected"] },
      needsReference: true,
      normalize: "examples",
      ...desensitized(ld_alpha),
      ...(pref_ftx === 0 && ld_alpha === 1 &&
        { initialLoss: withBco(atZero, { chosen: zero, rejected: zero, delta: 0 }).value }),
      ...(weight > 0 && meanReward<"chosen" | "rejected">(({ policy, reference, length }) => [
        beta * (policy.chosen - reference.chosen) / scale(length.chosen),
        beta * (policy.rejected - reference.rejected) / scale(length.rejected),
      ])),
      loss(inputs) {
        const { policy, reference, R, length, batch } = inputs;
        const [ofChosen, ofRejected] = [scale(length.chosen), scale(length.rejected)];
        const [chosen, rejected] = [R.chosen.dividedBy(ofChosen), R.rejected.dividedBy(ofRejected)];
        // without a weight nothing is carried, and a loss that wraps this one is refused a name that batch() doesn't give
        const delta = weight > 0 ? batch.delta ?? 0 : 0;
        const mixed = withBco(compared(chosen, rejected), { chosen, rejected, delta });
        return {
          loss: withFtx(mixed, pref_ftx, inputs, ["chosen"]),
          metrics: {
            ...rewardMetrics(beta * chosen.value, beta * rejected.value),
            "logps/chosen": policy.chosen.value / ofChosen,
            "logps/rejected": policy.rejected.value / ofRejected,
            "logps/ref_chosen": reference.chosen.value / ofChosen,
            "logps/ref_rejected": reference.rejected.value / ofRejected,
          },
        };
      },
    });
  },
});
export default dpo;
