/**
 * Shared by the preference losses: the forms of the comparison, the `pref_ftx` term, and the metrics' names.
 * @module
 */
import { z } from "zod";

import type { LabelledTokens, Loss, LossInputs, MicroBatchRow } from "../kinds/loss.ts";
import { logSigmoid, relu, type Scalar } from "../../kernels/tape.ts";

/** Inputs of a loss's term that needs no reference. */
type PerSequence<N extends string> = Pick<LossInputs<N>, "policy" | "length">;

/** Form of the loss of a scaled preference z = β·(difference of log-ratios). */
export type Form = "sigmoid" | "hinge" | "robust";

/** β > 0: how strongly the policy is held to the reference. */
export const betaOption: z.ZodDefault<z.ZodNumber> = z.number().positive().default(0.1).describe(
  "beta > 0: scale of the log-probability ratios; larger holds the policy closer to the reference",
);

/** ε in [0, 0.5). */
export const labelSmoothingOption: z.ZodDefault<z.ZodNumber> = z.number().min(0).lt(0.5).default(0).describe(
  "label smoothing in [0, 0.5): assumed share of preferences that are the wrong way round",
);

/** γ >= 0. */
export const prefFtxOption: z.ZodDefault<z.ZodNumber> = z.number().min(0).default(0).describe(
  "weight >= 0 of an SFT term added to the loss: minus the mean log-probability per token of each chosen answer",
);

/** True unless smoothing is asked of a form that has none; use as a zod refinement with {@linkcode smoothingMessage}. */
export function smoothingFits(options: { loss_type: string; label_smoothing: number }): boolean {
  return options.label_smoothing === 0 ||
    ["sigmoid", "sigmoid_norm", "robust", "exo_pair"].includes(options.loss_type);
}

/** α in [0, 1] of {@linkcode desensitized}. */
export const ldAlphaOption: z.ZodDefault<z.ZodNumber> = z.number().min(0).max(1).default(1).describe(
  "length desensitising in [0, 1]: weight of the longer answer's tokens past the shorter one's length; 1: all alike",
);

/**
 * Length desensitising (LD-DPO, Liu et al. 2024, arXiv 2409.06411) as a part of a loss over pairs: of the longer answer, tokens past the
 * shorter one's length weigh α. Lengths are numbers of labelled tokens and are counted from an answer's first one, as TRL and LLaMA-Factory do.
 */
export function desensitized(alpha: number): Pick<Loss<"chosen" | "rejected">, "tokenWeights"> {
  if (alpha === 1) return {};
  return {
    tokenWeights({ chosen, rejected }) {
      const shared = Math.min(chosen.positions.length, rejected.positions.length);
      const weigh = ({ positions }: LabelledTokens) => {
        const first = positions[0] ?? 0;
        return Float64Array.from(positions, (place) => place - first < shared ? 1 : alpha);
      };
      return { chosen: weigh(chosen), rejected: weigh(rejected) };
    },
  };
}

/** Says what is wrong when {@linkcode smoothingFits} fails. */
export const smoothingMessage: { path: string[]; message: string } = {
  path: ["label_smoothing"],
  message:
    "Cannot smooth labels with this loss_type: label_smoothing must be 0 unless loss_type is sigmoid, robust or exo_pair",
};

/**
 * One comparison as a loss, z = β·(difference of log-ratios), ε = label smoothing:
 * sigmoid `-(1-ε) ls(z) - ε ls(-z)`, hinge `max(0, 1 - z)`, robust `(-(1-ε) ls(z) + ε ls(-z)) / (1-2ε)`
 * (Rafailov 2023; Zhao 2023, SLiC; Chowdhury 2024).
 */
export function comparison(z: Scalar, form: Form, smoothing: number): Scalar {
  if (form === "hinge") return relu(z.neg().plus(1));
  const right = logSigmoid(z).times(smoothing - 1);
  if (smoothing === 0) return right;
  const wrong = logSigmoid(z.neg()).times(smoothing);
  return form === "sigmoid" ? right.minus(wrong) : right.plus(wrong).dividedBy(1 - 2 * smoothing);
}

/** The value of {@linkcode comparison} at z = 0. */
export function comparisonAtZero(form: Form): number {
  return form === "hinge" ? 1 : Math.LN2;
}

/** w >= 0. */
export const bcoWeightOption: z.ZodDefault<z.ZodNumber> = z.number().min(0).default(0).describe(
  "weight >= 0 of BCO's loss beside the other, the sum over 1 + weight: -log sigmoid(c - d) - log sigmoid(d - r) of the rewards c and r, with d the mean " +
    "over micro-batches so far of their mean reward",
);

/**
 * The mean over micro-batches of their mean reward, as a part of a loss over pairs (Binary Classifier Optimization, Jung et al. 2024, arXiv 2404.04656, δ of
 * its eq. 9, with every micro-batch of one weight as LLaMA-Factory 0.9.5 has it): the `batch` of a loss has it as `delta`.
 * @param rewards Both of a row, in nats
 */
export function meanReward<N extends string>(
  rewards: (row: MicroBatchRow<N, true>) => readonly number[],
): Required<Pick<Loss<N, true, "delta">, "batch" | "carried">> {
  return {
    batch: (_, carried) => ({ delta: carried?.delta ?? 0 }),
    carried: {
      initial: { delta: 0, batches: 0 },
      next({ delta = 0, batches = 0 }, rows) {
        const mean = rows.flatMap(rewards).reduce((sum, reward) => sum + reward, 0) / (2 * rows.length);
        return { delta: delta + (mean - delta) / (batches + 1), batches: batches + 1 };
      },
    },
  };
}

/** BCO's loss of a pair, of rewards in nats that δ is taken from. */
export function bco(
  { chosen, rejected, delta }: { chosen: Scalar; rejected: Scalar; delta: number },
): Scalar {
  return logSigmoid(chosen.minus(delta)).plus(logSigmoid(rejected.neg().plus(delta))).neg();
}

/** Adds `pref_ftx` times the SFT loss per token of the chosen sequences (their sum, as the IOPO authors do). */
export function withFtx<N extends string>(
  loss: Scalar,
  weight: number,
  inputs: PerSequence<N>,
  chosen: readonly NoInfer<N>[],
): Scalar {
  if (weight === 0) return loss;
  return chosen.reduce((sum, name) => sum.minus(perToken(inputs, name).times(weight)), loss);
}

/** Mean log-probability per labelled token of a sequence, nats, <= 0. */
export function perToken<N extends string>({ policy, length }: PerSequence<N>, name: NoInfer<N>): Scalar {
  return policy[name].dividedBy(length[name]);
}

/** Names of {@linkcode rewardMetrics}. */
export const REWARD_METRICS = [
  "rewards/chosen",
  "rewards/rejected",
  "rewards/accuracies",
  "rewards/margins",
] as const;

/** The four reward metrics of one comparison. Rewards are β·log-ratios. */
export function rewardMetrics(
  chosen: number,
  rejected: number,
): Record<typeof REWARD_METRICS[number], number> {
  return {
    "rewards/chosen": chosen,
    "rewards/rejected": rejected,
    "rewards/accuracies": chosen > rejected ? 1 : 0,
    "rewards/margins": chosen - rejected,
  };
}
