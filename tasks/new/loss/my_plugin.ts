/**
 * Loss `my_plugin`: preference pairs, won by a margin of γ nats: −log σ(β(R_chosen − R_rejected) − γ), where R is the
 * log-probability of an answer under the model minus that under the untrained model.
 */
import { defineLoss, definePlugin } from "@dinotune/dinotune";
import { z } from "zod";
import { logSigmoid } from "@dinotune/dinotune/losses";

export default definePlugin({
  kind: "loss",
  name: "my_plugin",
  version: "1",
  description: "DPO with a margin of gamma nats",
  options: z.strictObject({
    beta: z.number().positive().default(0.1).describe("scale of the log-ratios, > 0"),
    gamma: z.number().min(0).default(0.5).describe("margin >= 0, in nats; 0 is plain DPO"),
  }),
  create: ({ beta, gamma }) =>
    defineLoss({
      shape: "pair",
      sequences: { chosen: ["x", "chosen"], rejected: ["x", "rejected"] },
      needsReference: true,
      normalize: "examples",
      initialLoss: Math.log1p(Math.exp(gamma)), // the model is the untrained one, so both R are 0
      loss({ R: { chosen, rejected } }) {
        const reward = chosen.minus(rejected).times(beta);
        return {
          loss: logSigmoid(reward.minus(gamma)).neg(),
          metrics: { "rewards/margins": reward, "rewards/accuracies": reward.value > gamma ? 1 : 0 },
        };
      },
    }),
});
