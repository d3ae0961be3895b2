/**
 * Group relative policy optimisation (Shao et al. 2024, DeepSeekMath, arXiv 2402.03300, eq. 3), as TRL 1.16.0's GRPOTrainer has it. Of a token t of an answer whose
 * advantage in its group is A, with the ratio r = π / π_old of its probabilities now and when it was drawn,
 *
 *     ℓ = −min(r A, clip(r, 1 − ε, 1 + ε_high) A) + β (q − log q − 1),   q = π_ref / π.
 *
 * `loss_type` says how tokens are summed up: `grpo` by their mean in each answer, then the mean over answers; `bnpo` by their mean over a micro-batch;
 * `dr_grpo` (Liu et al. 2025, arXiv 2503.20783) over answers times max_new_tokens; `dapo` (Yu et al. 2025, arXiv 2503.14476) by their mean over the optimizer step.
 * @module
 */
import { z } from "zod";

import { constant, mean, type Scalar } from "../../kernels/tape.ts";
import { f64 } from "../../formats/elements.ts";
import { defineLoss, type TokenInputs } from "../kinds/loss.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";

const Options = z.strictObject({
  beta: z.number().min(0).default(0).describe(
    "weight of the divergence from the reference; 0: there is none",
  ),
  epsilon: z.number().min(0).default(0.2).describe("how far below 1 a ratio still teaches"),
  epsilon_high: z.number().min(0).nullable().default(null).describe(
    "how far above 1 a ratio still teaches; null: as far as epsilon",
  ),
  loss_type: z.enum(["grpo", "dr_grpo", "bnpo", "dapo"]).default("dapo").describe("how tokens are summed up"),
  max_new_tokens: z.int().min(1).default(512).describe("tokens of an answer at most; of dr_grpo alone"),
});

/** The plugin `grpo`; formula above. */
const grpo: Plugin<"loss", typeof Options> = definePlugin({
  kind: "loss",
  name: "grpo",
  version: "1",
  description:
    "Group relative policy optimisation: answers better than others to the same prompt become likelier",
  options: Options,
  create: ({ beta, epsilon, epsilon_high, loss_type, max_new_tokens }) =>
    defineLoss({
      shape: "prompt",
      sequences: { y: ["x", "y"] },
      needsReference: beta > 0,
      perToken: true,
      normalize: loss_type === "dapo" ? "label_tokens" : "examples",
      loss({ tokens: { y }, drawn }) {
        if (!drawn) {
          throw new TypeError(
            "Cannot compute the loss grpo of an answer that wasn't drawn: it is for stage grpo",
          );
        }
        const { advantage, masked, microBatch } = drawn, length = y.policy.length;
        // it has no token, and is one of the answers that the mean is over
        if (masked) return { loss: constant(0), metrics: beta > 0 ? { kl: 0 } : {} };
        const high = epsilon_high ?? epsilon;
        const surrogates = y.policy.map((logp, t) =>
          surrogate(logp, f64(y.old, t), { advantage, epsilon, high })
        );
        const divergences = beta > 0 ? y.policy.map((_, t) => divergence(y, t)) : [];
        const sum = total([...surrogates, ...divergences.map((kl) => kl.times(beta))]);
        const { answers, tokens } = microBatch;
        const divisor = { dapo: 1, grpo: length, dr_grpo: max_new_tokens, bnpo: tokens / answers }[loss_type];
        return {
          loss: sum.dividedBy(divisor),
          // the mean over answers is that over the micro-batch's tokens
          metrics: beta > 0 ? { kl: total(divergences).value * answers / tokens } : {},
        };
      },
    }),
});
export default grpo;

/** −min(r A, clip(r) A) of one token. */
function surrogate(
  logp: Scalar,
  old: number,
  { advantage, epsilon, high }: { advantage: number; epsilon: number; high: number },
): Scalar {
  const ratio = logp.minus(old).exp(), clipped = ratio.min(1 + high).max(1 - epsilon);
  return ratio.times(advantage).min(clipped.times(advantage)).neg();
}

/** Schulman's estimate of KL(policy ‖ reference) from one token, ≥ 0. */
function divergence({ policy, reference }: TokenInputs, t: number): Scalar {
  const q = constant(f64(reference, t)).minus(policy[t] ?? NaN);
  return q.exp().minus(q).minus(1);
}

function total(terms: readonly Scalar[]): Scalar {
  return mean(terms).times(terms.length);
}
