/**
 * Simple preference optimisation (Meng et al. 2024), no reference: −log σ(β(P_c/n_c − P_r/n_r) − γ).
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
import { logSigmoid } from "../../kernels/tape.ts";

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
  create: ({ beta, gamma, pref_ftx, ld_alpha }) =>
    defineLoss({
      shape: "pair",
      sequences: { chosen: ["x", "chosen"], rejected: ["x", "rejected"] },
      needsReference: false,
      normalize: "examples",
      ...desensitized(ld_alpha),
      loss(inputs) {
        const [chosen, rejected] = [perToken(inputs, "chosen"), perToken(inputs, "rejected")];
        const loss = logSigmoid(chosen.minus(rejected).times(beta).minus(gamma)).neg();
        return {
          loss: withFtx(loss, pref_ftx, inputs, ["chosen"]),
          metrics: {
            ...rewardMetrics(beta * chosen.value, beta * rejected.value),
            "logps/chosen": chosen.value,
            "logps/rejected": rejected.value,
          },
        };
      },
    }),
});
export default simpo;
