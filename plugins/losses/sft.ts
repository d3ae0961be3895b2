/**
 * Supervised fine-tuning: minus the log-probability of the answer, averaged over the label tokens of an optimizer step.
 *
 * With `dft` (dynamic fine-tuning, Wu et al. 2025, arXiv 2508.05629) each token's share is −sg(p) log p, p its probability, which the
 * gradient takes as a constant.
 * @module
 */
import { z } from "zod";

import { defineLoss, type Loss } from "../kinds/loss.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";

const Options = z.strictObject({
  dft: z.boolean().default(false).describe("weigh each token by its probability (dynamic fine-tuning)"),
});

const byProbability: Pick<Loss<"y">, "tokenWeights"> = {
  tokenWeights: ({ y }) => ({ y: y.logps.map(Math.exp) }),
};

/** The plugin `sft`; formula above. */
const sft: Plugin<"loss", typeof Options> = definePlugin({
  kind: "loss",
  name: "sft",
  version: "1",
  description: "Supervised fine-tuning: cross-entropy of the answer's tokens given the prompt",
  options: Options,
  create: ({ dft }) =>
    defineLoss({
      shape: "single",
      sequences: { y: ["x", "y"] },
      needsReference: false,
      normalize: "label_tokens",
      ...(dft ? byProbability : {}),
      loss: ({ policy }) => ({ loss: policy.y.neg(), metrics: {} }),
    }),
});
export default sft;
