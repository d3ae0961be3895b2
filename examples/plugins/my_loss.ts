/**
 * An example of a loss of one's own: IOPO with a target margin γ, as SimPO has one. The comparison of the quadruple's
 * log-ratios must be won by γ nats of reward, not just be won:
 *
 * −log σ(β(R11 + R22 − R12 − R21) − γ), R_ij = log π(y_j|x_i) − log π_ref(y_j|x_i)
 *
 * In a training YAML: `plugins: [./my_loss.ts]`, `loss: iopo_margin`, `loss_options: {beta: 0.1, gamma: 1}`.
 * @module
 */
import { defineLoss, definePlugin } from "@dinotune/dinotune";
import { z } from "zod";
import { logSigmoid } from "@dinotune/dinotune/losses";

export default definePlugin({
  kind: "loss",
  name: "iopo_margin",
  version: "1",
  description: "IOPO with a target margin: each quadruple must be won by gamma",
  options: z.strictObject({
    beta: z.number().positive().default(0.1).describe("beta > 0: scale of the log-ratios"),
    gamma: z.number().min(0).default(1).describe(
      "target margin >= 0 of the reward, in nats; 0 is plain IOPO",
    ),
  }),
  create: ({ beta, gamma }) =>
    defineLoss({
      shape: "iopo",
      sequences: { x1y1: ["x1", "y1"], x1y2: ["x1", "y2"], x2y1: ["x2", "y1"], x2y2: ["x2", "y2"] },
      needsReference: true,
      normalize: "examples",
      initialLoss: Math.log1p(Math.exp(gamma)), // z = -gamma when the policy is the reference
      loss({ R: { x1y1, x1y2, x2y1, x2y2 } }) {
        const reward = x1y1.plus(x2y2).minus(x1y2).minus(x2y1).times(beta);
        return {
          loss: logSigmoid(reward.minus(gamma)).neg(),
          metrics: { "rewards/margins": reward, "rewards/accuracies": reward.value > gamma ? 1 : 0 },
        };
      },
    }),
});
