/**
 * Supervised fine-tuning: minus the log-probability of the answer, averaged over the label tokens of an optimizer step.
 * @module
 */
import { z } from "zod";

import { defineLoss } from "../kinds/loss.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";

const Options = z.strictObject({});

/** The plugin `sft`; formula above. */
const sft: Plugin<"loss", typeof Options> = definePlugin({
  kind: "loss",
  name: "sft",
  version: "1",
  description: "Supervised fine-tuning: cross-entropy of the answer's tokens given the prompt",
  options: Options,
  create: () =>
    defineLoss({
      shape: "single",
      sequences: { y: ["x", "y"] },
      needsReference: false,
      normalize: "label_tokens",
      loss: ({ policy }) => ({ loss: policy.y.neg(), metrics: {} }),
    }),
});
export default sft;
