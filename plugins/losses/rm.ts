/**
 * Reward modelling (Ouyang et al. 2022), the loss of Bradley and Terry's model: −log σ(r_chosen − r_rejected), r the value head's number at an answer's last
 * token.
 * @module
 */
import { z } from "zod";

import { logSigmoid } from "../../kernels/tape.ts";
import { defineLoss } from "../kinds/loss.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { rewardMetrics } from "./_preference.ts";

const Options = z.strictObject({});

/** The plugin `rm`; formula above. */
const rm: Plugin<"loss", typeof Options> = definePlugin({
  kind: "loss",
  name: "rm",
  version: "1",
  description: "Reward modelling: a value head learns to give the chosen answer the larger number",
  options: Options,
  create: () =>
    defineLoss({
      shape: "pair",
      sequences: { chosen: ["x", "chosen"], rejected: ["x", "rejected"] },
      needsReference: false,
      measure: "value",
      normalize: "examples",
      loss: ({ policy: { chosen, rejected } }) => ({
        loss: logSigmoid(chosen.minus(rejected)).neg(),
        metrics: {
          ...rewardMetrics(chosen.value, rejected.value),
          // LLaMA-Factory's name of the same
          accuracy: chosen.value > rejected.value ? 1 : 0,
        },
      }),
    }),
});
export default rm;
