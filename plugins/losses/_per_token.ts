/**
 * The frame of ORPO and SimPO.
 * @module
 */
import type { Scalar } from "../../kernels/tape.ts";
import { defineLoss, type Loss } from "../kinds/loss.ts";
import { desensitized, perToken, rewardMetrics, withFtx } from "./_preference.ts";

/** Options of {@linkcode perTokenLoss}. */
interface PerTokenOptions {
  beta: number;
  pref_ftx: number;
  ld_alpha: number;
}

/**
 * A loss over pairs that compares mean log-probabilities per token and needs no reference, with the rewards β·a and an SFT term.
 * @param compare From the means of the chosen and the rejected answer, nats per token: the loss, and metrics of its own
 */
export function perTokenLoss(
  { beta, pref_ftx, ld_alpha }: PerTokenOptions,
  compare: (chosen: Scalar, rejected: Scalar) => { loss: Scalar; metrics?: Record<string, number> },
): Loss<"chosen" | "rejected", false> {
  return defineLoss({
    shape: "pair",
    sequences: { chosen: ["x", "chosen"], rejected: ["x", "rejected"] },
    needsReference: false,
    normalize: "examples",
    ...desensitized(ld_alpha),
    loss(inputs) {
      const chosen = perToken(inputs, "chosen"), rejected = perToken(inputs, "rejected");
      const { loss, metrics } = compare(chosen, rejected);
      return {
        loss: withFtx(loss, pref_ftx, inputs, ["chosen"]),
        metrics: {
          ...rewardMetrics(beta * chosen.value, beta * rejected.value),
          "logps/chosen": chosen.value,
          "logps/rejected": rejected.value,
          ...metrics,
        },
      };
    },
  });
}
