/**
 * Odds-ratio preference optimisation (Hong et al. 2024), no reference. With a = mean log-probability per token:
 * −a_c − β log σ(log odds(a_c) − log odds(a_r)), log odds(a) = a − log(1 − exp a).
 * @module
 */
import { z } from "zod";

import { defineLoss } from "../kinds/loss.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import {
  betaOption,
  desensitized,
  ldAlphaOption,
  perToken,
  prefFtxOption,
  rewardMetrics,
  withFtx,
} from "./_preference.ts";
import { logSigmoid, type Scalar } from "../../kernels/tape.ts";

const Options = z.strictObject({ beta: betaOption, pref_ftx: prefFtxOption, ld_alpha: ldAlphaOption });

// Sums of float32 log-softmaxes of a certain answer can round to 0 or just above, where the odds are infinite.
const CERTAIN = -(2 ** -52);
const logOdds = (a: Scalar) => a.minus(a.min(CERTAIN).log1mExp());

/** The plugin `orpo`; formula above. */
const orpo: Plugin<"loss", typeof Options> = definePlugin({
  kind: "loss",
  name: "orpo",
  version: "1",
  description:
    "Odds-ratio preference optimisation: SFT on the chosen answer plus a log odds ratio, no reference",
  options: Options,
  create: ({ beta, pref_ftx, ld_alpha }) =>
    defineLoss({
      shape: "pair",
      sequences: { chosen: ["x", "chosen"], rejected: ["x", "rejected"] },
      needsReference: false,
      normalize: "examples",
      ...desensitized(ld_alpha),
      loss(inputs) {
        const [chosen, rejected] = [perToken(inputs, "chosen"), perToken(inputs, "rejected")];
        const oddsRatioLoss = logSigmoid(logOdds(chosen).minus(logOdds(rejected))).neg();
        return {
          loss: withFtx(chosen.neg().plus(oddsRatioLoss.times(beta)), pref_ftx, inputs, ["chosen"]),
          metrics: {
            ...rewardMetrics(beta * chosen.value, beta * rejected.value),
            "logps/chosen": chosen.value,
            "logps/rejected": rejected.value,
            sft_loss: -chosen.value,
            odds_ratio_loss: oddsRatioLoss.value,
          },
        };
      },
    }),
});
export default orpo;
