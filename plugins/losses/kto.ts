/**
 * Kahneman-Tversky optimisation (Ethayarajh et al. 2024). With R = log π − log π_ref and the micro-batch's
 * kl = max(0, mean R of the `kl` sequences), a constant:
 *
 * - desirable: w_d (1 − σ(β(R − kl)))
 * - undesirable: w_u (1 − σ(β(kl − R)))
 *
 * `pref_ftx` adds to a micro-batch's mean its weight times the mean of −log π per token over the desirable rows, times rows over
 * desirable rows, as LLaMA-Factory 0.9.5 does.
 *
 * The `kl` sequence is the row's own prompt with the answer of the row before, so it costs a second forward pass.
 * @module
 */
import { z } from "zod";

import { defineLoss } from "../kinds/loss.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { betaOption, prefFtxOption, withFtx } from "./_preference.ts";
import { sigmoid } from "../../kernels/tape.ts";

const weight = z.number().positive().default(1);
const Options = z.strictObject({
  beta: betaOption,
  chosen_weight: weight.describe("weight > 0 of desirable answers"),
  rejected_weight: weight.describe("weight > 0 of undesirable answers"),
  pref_ftx: prefFtxOption,
});

/** The plugin `kto`; formula above. */
const kto: Plugin<"loss", typeof Options> = definePlugin({
  kind: "loss",
  name: "kto",
  version: "2",
  description: "Kahneman-Tversky optimisation: single answers marked desirable or not, with a reference",
  options: Options,
  create: ({ beta, chosen_weight, rejected_weight, pref_ftx }) =>
    defineLoss({
      shape: "kto",
      sequences: { y: ["x", "y"], kl: ["x", "kl"] },
      needsReference: true,
      normalize: "examples",
      ...(pref_ftx === 0 && chosen_weight === rejected_weight && { initialLoss: 0.5 * chosen_weight }),
      batch(rows) {
        const sum = rows.reduce((total, row) => total + (row.policy.kl - row.reference.kl), 0);
        const share = rows.filter(({ desirable }) => desirable).length / rows.length;
        // The loss is the mean over all rows: one share makes it that of the desirable ones, the other is LLaMA-Factory's factor.
        return { kl: Math.max(0, sum / rows.length), ftx: share === 0 ? 0 : pref_ftx / share ** 2 };
      },
      loss(inputs) {
        const { policy, R, desirable, batch } = inputs;
        if (desirable === undefined) {
          throw new TypeError(
            "Cannot compute kto as its examples need a label: current value of desirable is undefined",
          );
        }
        const kl = batch.kl;
        // 1 − σ(x) = σ(−x), which keeps its digits where σ(x) rounds to 1.
        const z = R.y.minus(kl).times(desirable ? -beta : beta);
        const loss = sigmoid(z).times(desirable ? chosen_weight : rejected_weight);
        const side = desirable ? "chosen" : "rejected";
        return {
          loss: desirable ? withFtx(loss, batch.ftx, inputs, ["y"]) : loss,
          metrics: { [`rewards/${side}`]: beta * R.y.value, [`logps/${side}`]: policy.y.value, kl },
        };
      },
      summarize(means): Record<string, number> {
        const { "rewards/chosen": chosen, "rewards/rejected": rejected } = means;
        return chosen === undefined || rejected === undefined ? {} : { "rewards/margins": chosen - rejected };
      },
    }),
});
export default kto;
