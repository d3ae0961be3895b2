/**
 * AdamW (Loshchilov & Hutter 2019), as torch.optim.AdamW computes it. For step t from 1, per parameter:
 *
 * ```text
 * p ← p (1 − lr·wd)
 * m ← β1 m + (1 − β1) g          v ← β2 v + (1 − β2) g²
 * p ← p − lr · (m / (1 − β1^t)) / (√(v / (1 − β2^t)) + ε)
 * ```
 * @module
 */
import { entryOf, float } from "../../../formats/elements.ts";
import type { RuledTensor, UpdateRule } from "./rule.ts";

/** Hyperparameters, constant over a run. */
export interface AdamWOptions {
  /** Decay rates of the moments, each in [0, 1). */
  readonly betas: readonly [number, number];
  /** Added to the root of the second moment, > 0. */
  readonly epsilon: number;
  /** Decoupled decay, >= 0, in units of 1 / learning rate. */
  readonly weightDecay: number;
  /** LoRA+ (Hayou et al. 2024): learning rate of the adapters' B, and of DoRA's lengths, over that of everything else, > 0; default 1. */
  readonly ratioOfB?: number;
}

/** transformers' defaults. */
export const adamWDefaults: AdamWOptions = Object.freeze({
  betas: Object.freeze([0.9, 0.999] as const),
  epsilon: 1e-8,
  weightDecay: 0,
});

/** AdamW with these settings. */
export function adamwRule(
  { betas: [beta1, beta2], epsilon }: Pick<AdamWOptions, "betas" | "epsilon">,
): UpdateRule {
  return {
    ...adamwStates,
    update(tensor, { count, rate, weightDecay, gradientScale }) {
      const step: Step = {
        beta1,
        beta2,
        epsilon,
        // The bias corrections, moved out of the loop: m / c1 / (√(v / c2) + ε) = (1 / c1) m / (√v · (1 / √c2) + ε).
        stepSize: rate / (1 - beta1 ** count),
        rootScale: 1 / Math.sqrt(1 - beta2 ** count),
        keep: 1 - rate * weightDecay,
        gradientScale,
      };
      for (let start = 0; start < tensor.values.length; start += BLOCK) {
        update(tensor, { start, end: Math.min(start + BLOCK, tensor.values.length) }, step);
      }
    },
  };
}

/** What AdamW keeps: averages of gradients and of their squares, wherever it is computed. */
export const adamwStates: Pick<UpdateRule, "name" | "states"> = Object.freeze({
  name: "AdamW",
  states: (shape: readonly number[]) => {
    const size = shape.reduce((product, axis) => product * axis, 1);
    return { exp_avg: size, exp_avg_sq: size };
  },
});

/** @throws {RangeError} If an option is out of range. */
export function checkOptions({ betas, epsilon, weightDecay, ratioOfB = 1 }: AdamWOptions): void {
  betas.forEach((beta, i) => need(beta >= 0 && beta < 1, `beta${i + 1} in [0, 1)`, beta));
  need(epsilon > 0 && epsilon < Infinity, "epsilon > 0", epsilon);
  need(weightDecay >= 0 && weightDecay < Infinity, "weight decay >= 0", weightDecay);
  need(ratioOfB > 0 && ratioOfB < Infinity, "a ratio of learning rates > 0", ratioOfB);
}

// One call per block, so that the compiler gets to optimise the loop before a first large tensor is done.
const BLOCK = 16_384;

/** Numbers that all elements of a tensor share in a step. */
interface Step {
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Learning rate / (1 − β1^t). */
  stepSize: number;
  /** 1 / √(1 − β2^t). */
  rootScale: number;
  /** 1 − learning rate × weight decay; 1 without decay. */
  keep: number;
  /** Factor of gradient clipping. */
  gradientScale: number;
}

/** The loop that full fine-tuning spends its optimizer time in: plain, no allocation, one pass over memory. */
function update(
  { values: p, gradient: g, states }: RuledTensor,
  { start, end }: { start: number; end: number },
  { beta1, beta2, epsilon, stepSize, rootScale, keep, gradientScale }: Step,
): void {
  const m = entryOf(states, "exp_avg"), v = entryOf(states, "exp_avg_sq");
  const rest1 = 1 - beta1;
  const rest2 = 1 - beta2;
  for (let j = start; j < end; j++) {
    const gradient = float(g, j) * gradientScale;
    const first = beta1 * float(m, j) + rest1 * gradient;
    const second = beta2 * float(v, j) + rest2 * gradient * gradient;
    m[j] = first;
    v[j] = second;
    p[j] = float(p, j) * keep - stepSize * first / (Math.sqrt(second) * rootScale + epsilon);
  }
}

function need(condition: boolean, what: string, value: unknown): void {
  if (!condition) throw new RangeError(`Cannot make AdamW as it needs ${what}: current value is ${value}`);
}
