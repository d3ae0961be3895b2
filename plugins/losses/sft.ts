/**
 * Supervised fine-tuning: minus the log-probability of the answer, averaged over the label tokens of an optimizer step.
 *
 * With `dft` (dynamic fine-tuning, Wu et al. 2025, arXiv 2508.05629) each token's share is −sg(p) log p, p its probability, which the
 * gradient takes as a constant. With `eaft_alpha` (entropy-adaptive fine-tuning, 2026, arXiv 2601.02151) it is −sg((H / 3)^α) log p, H the entropy of the
 * 20 likeliest tokens, whose largest value is ln 20 ≈ 3. With `asft_alpha` (anchored supervised fine-tuning, 2025, arXiv 2509.23753) it is
 * DFT's and α · KL(reference ‖ policy) over the whole vocabulary.
 * @module
 */
import { z } from "zod";

import { defineLoss, type Loss } from "../kinds/loss.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";

const alpha = z.number().min(0).nullable().default(null);
const Options = z.strictObject({
  dft: z.boolean().default(false).describe("weigh each token by its probability (dynamic fine-tuning)"),
  eaft_alpha: alpha.describe(
    "weigh each token by (H / 3)^eaft_alpha, H the entropy of the 20 likeliest tokens (entropy-adaptive fine-tuning); null: no such weights",
  ),
  asft_alpha: alpha.describe(
    "dft and asft_alpha times KL(reference ‖ policy) of each token (anchored supervised fine-tuning); null: none of it",
  ),
}).refine(
  ({ dft, eaft_alpha, asft_alpha }) =>
    [dft, eaft_alpha !== null, asft_alpha !== null].filter(Boolean).length < 2,
  "dft, eaft_alpha and asft_alpha weigh the same tokens: use one of them",
);

/** Entropy that EAFT weighs by 1: LLaMA-Factory's number for ln 20. */
const EAFT_ENTROPY = 3;

type Weights = Pick<Loss<"y", false>, "tokenWeights" | "labelMeasure">;

const byProbability: Weights = { tokenWeights: ({ y }) => ({ y: y.logps.map(Math.exp) }) };

function byEntropy(alpha: number): Weights {
  return {
    labelMeasure: "top_entropy",
    tokenWeights: ({ y }) => ({
      // of a sure token a GPU's logarithm may leave less than 0, whose power isn't a number
      y: y.measures.map((entropy) => (Math.max(0, entropy) / EAFT_ENTROPY) ** alpha),
    }),
  };
}

function weightsOf({ dft, eaft_alpha, asft_alpha }: z.infer<typeof Options>): Weights {
  if (eaft_alpha !== null) return byEntropy(eaft_alpha);
  if (asft_alpha !== null) return { ...byProbability, labelMeasure: "divergence" };
  return dft ? byProbability : {};
}

/** The plugin `sft`; formulas above. */
const sft: Plugin<"loss", typeof Options> = definePlugin({
  kind: "loss",
  name: "sft",
  version: "1",
  description: "Supervised fine-tuning: cross-entropy of the answer's tokens given the prompt",
  options: Options,
  create: (options) =>
    defineLoss({
      shape: "single",
      sequences: { y: ["x", "y"] },
      needsReference: false,
      normalize: "label_tokens",
      ...weightsOf(options),
      loss: ({ policy, divergence }) => ({
        loss: options.asft_alpha === null
          ? policy.y.neg()
          : divergence.y.times(options.asft_alpha).minus(policy.y),
        metrics: {},
      }),
    }),
});
export default sft;
