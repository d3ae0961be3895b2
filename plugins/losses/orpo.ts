/**
 * Odds-ratio preference optimisation (Hong et al. 2024), no reference. With a = mean log-probability per token:
 * −a_c − β log σ(log odds(a_c) − log odds(a_r)), log odds(a) = a − log(1 − exp a).
 * @module
 */
import { z } from "zod";

import { logSigmoid, type Scalar } from "../../kernels/tape.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { perTokenLoss } from "./_per_token.ts";
import { betaOption, ldAlphaOption, prefFtxOption } from "./_preference.ts";

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
  create: (options) =>
    perTokenLoss(options, (chosen, rejected) => {
      const oddsRatioLoss = logSigmoid(logOdds(chosen).minus(logOdds(rejected))).neg();
      return {
        loss: chosen.neg().plus(oddsRatioLoss.times(options.beta)),
        metrics: { sft_loss: -chosen.value, odds_ratio_loss: oddsRatioLoss.value },
      };
    }),
});
export default orpo;
