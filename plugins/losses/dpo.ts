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
 * @module
 */
import { z } from "zod";

import { defineLoss } from "../kinds/loss.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import {
  betaOption,
  comparison,
  comparisonAtZero,
  desensitized,
  labelSmoothingOption,
  ldAlphaOption,
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
  create({ beta, loss_type, label_smoothing: smoothing, pref_ftx, ld_alpha }) {
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
    return defineLoss({
      shape: "pair",
      sequences: { chosen: ["x", "chosen"], rejected: ["x", "rejected"] },
      needsReference: true,
      normalize: "examples",
      ...desensitized(ld_alpha),
      ...(pref_ftx === 0 && ld_alpha === 1 &&
        {
          initialLoss: isTrlForm(form) || form === "ipo"
            ? compared(constant(0), constant(0)).value
            : comparisonAtZero(form),
        }),
      loss(inputs) {
        const { policy, reference, R, length } = inputs;
        const scale = (name: "chosen" | "rejected") => perToken ? length[name] : 1;
        const [chosen, rejected] = [
          R.chosen.dividedBy(scale("chosen")),
          R.rejected.dividedBy(scale("rejected")),
        ];
        return {
          loss: withFtx(compared(chosen, rejected), pref_ftx, inputs, ["chosen"]),
          metrics: {
            ...rewardMetrics(beta * chosen.value, beta * rejected.value),
            "logps/chosen": policy.chosen.value / scale("chosen"),
            "logps/rejected": policy.rejected.value / scale("rejected"),
            "logps/ref_chosen": reference.chosen.value / scale("chosen"),
            "logps/ref_rejected": reference.rejected.value / scale("rejected"),
          },
        };
      },
    });
  },
});
export default dpo;
