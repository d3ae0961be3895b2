/**
 * Continued pre-training: minus the log-probability of plain text, averaged over the label tokens of an optimizer step.
 * @module
 */
import { z } from "zod";

import { defineLoss } from "../kinds/loss.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";

const Options = z.strictObject({});

/** The plugin `pt`; formula above. */
const pt: Plugin<"loss", typeof Options> = definePlugin({
  kind: "loss",
  name: "pt",
  version: "1",
  description: "Pre-training: cross-entropy of every token of a text, no prompt",
  options: Options,
  create: () =>
    defineLoss({
      shape: "text",
      sequences: { y: ["", "y"] },
      needsReference: false,
      normalize: "label_tokens",
      loss: ({ policy }) => ({ loss: policy.y.neg(), metrics: {} }),
    }),
});
export default pt;
