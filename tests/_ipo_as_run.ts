/**
 * What LLaMA-Factory 0.9.5 computes for `pref_loss: ipo` with TRL 0.24: DPO's sigmoid on length-normalised log-ratios
 * (see fixtures/goldens/llamafactory/README.md).
 * @module
 */
import { definePlugin, logSigmoid, type Plugin, z } from "../mod.ts";

const options = z.strictObject({ beta: z.number().default(0.1).describe("scale of the rewards") });

const ipoAsRun: Plugin<"loss", typeof options> = definePlugin({
  kind: "loss",
  name: "ipo_as_run",
  version: "1",
  description: "Sigmoid of length-normalised log-ratios",
  options,
  create: ({ beta }) => ({
    shape: "pair",
    sequences: { chosen: ["x", "chosen"], rejected: ["x", "rejected"] },
    needsReference: true,
    normalize: "examples",
    loss: ({ R, length }) => ({
      loss: logSigmoid(
        R.chosen!.times(1 / length.chosen!).minus(R.rejected!.times(1 / length.rejected!)).times(beta),
      )
        .neg(),
      metrics: {},
    }),
  }),
});
export default ipoAsRun;
