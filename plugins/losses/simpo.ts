/**
 * Simple preference optimisation (Meng et al. 2024), no reference: −log σ(β(P_c/n_c − P_r/n_r) − γ).
 * @module
 */
import { z } from "zod";

import { logSigmoid } from "../../kernels/tape.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { perTokenLoss } from "./_per_token.ts";
import { betaOption, ldAlphaOption, prefFtxOption } from "./_preference.ts";

const Options = z.strictObject({
  beta: betaOption,
  gamma: z.number().default(0.5).describe("target margin between the rewards per token, usually > 0"),
  pref_ftx: prefFtxOption,
  ld_alpha: ldAlphaOption,
});

/** The plugin `simpo`; formula above. */
const simpo: Plugin<"loss", typeof Options> = definePlugin({
  kind: "loss",
  name: "simpo",
  version: "1",
  description:
    "Simple preference optimisation: log-probabilities per token with a target margin, no reference",
  options: Options,
  create: (options) =>
    perTokenLoss(options, (chosen, rejected) => ({
      loss: logSigmoid(chosen.minus(rejected).times(options.beta).minus(options.gamma)).neg(),
    })),
});
export default simpo;
