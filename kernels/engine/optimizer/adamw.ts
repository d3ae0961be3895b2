/**
 * AdamW (Loshchilov & Hutter 2019), as torch.optim.AdamW computes it. For step t from 1, per parameter:
 *
 * ```text
 * p ← p (1 − lr·wd)
 * m ← β1 m + (1 − β1) g          v ← β2 v + (1 − β2) g²
 * p ← p − lr · (m / (1 − β1^t)) / (√(v / (1 − β2^t)) + ε)
 * ```
 *
 * Arithmetic is float64; parameters and moments are rounded to the arrays they live in once a step.
 * @module
 */
import { float, item } from "../../../formats/elements.ts";

/** Parameters, gradients and moments of one tensor, flat. Float64Array is for tests and small problems. */
export type Values = Float32Array | Float64Array;

/** One tensor to train; `values` is updated in place. */
export interface Parameter {
  /** Unique; names the moments in {@linkcode AdamW.state}. */
  readonly name: string;
  /** Flat, of any length. */
  readonly values: Values;
  /** True if weight decay applies, see `takesWeightDecay`. */
  readonly decay: boolean;
  /** Learning rate over the one that a step is given, see `rateFactor`; default 1. */
  readonly rate?: number;
}

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

/** Exponential averages of a tensor's gradients and of their squares. */
interface Moments {
  readonly first: Values;
  readonly second: Values;
}

/** The optimizer of one run: holds the moments of its parameters and the number of steps done. */
export class AdamW {
  readonly #tensors: readonly (Parameter & Moments)[];
  readonly #options: AdamWOptions;
  #steps = 0;

  /**
   * Moments start at 0, in the parameters' own precision.
   * @throws {RangeError} If an option is out of range or two parameters have the same name.
   */
  constructor(parameters: readonly Parameter[], options: AdamWOptions = adamWDefaults) {
    checkOptions(options);
    const names = new Set<string>();
    for (const { name } of parameters) {
      need(!names.has(name), "parameter names that differ", name);
      names.add(name);
    }
    this.#options = options;
    this.#tensors = parameters.map((parameter) => ({
      ...parameter,
      first: zerosLike(parameter.values),
      second: zerosLike(parameter.values),
    }));
  }

  /** Steps done, from 0. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * One step, in place. `gradients` are in the parameters' order and sizes and stay as they are; each is multiplied by
   * `gradientScale` as it is read (the factor of gradient clipping), which saves a pass over memory.
   * @throws {TypeError} If gradients and parameters differ in number or size; nothing was changed then.
   */
  step(gradients: readonly Values[], learningRate: number, gradientScale = 1): void {
    if (gradients.length !== this.#tensors.length) {
      throw new TypeError(
        `Cannot step as AdamW needs ${this.#tensors.length} gradients: current value is ${gradients.length}`,
      );
    }
    const pairs = this.#tensors.map((tensor, i) => ({ ...tensor, gradient: item(gradients, i) }));
    for (const { name, values, gradient } of pairs) sameSize("gradient", name, gradient, values.length);
    this.#steps++;
    const { betas: [beta1, beta2], epsilon, weightDecay } = this.#options;
    // The bias corrections, moved out of the loop: m / c1 / (√(v / c2) + ε) = (1 / c1) m / (√v · (1 / √c2) + ε).
    const rootScale = 1 / Math.sqrt(1 - beta2 ** this.#steps);
    for (const tensor of pairs) {
      const rate = learningRate * (tensor.rate ?? 1);
      const keep = tensor.decay ? 1 - rate * weightDecay : 1, stepSize = rate / (1 - beta1 ** this.#steps);
      const step = { beta1, beta2, epsilon, stepSize, rootScale, keep, gradientScale };
      for (let start = 0; start < tensor.values.length; start += BLOCK) {
        update(tensor, { start, end: Math.min(start + BLOCK, tensor.values.length) }, step);
      }
    }
  }

  /** `exp_avg.<name>`, `exp_avg_sq.<name>` and `step` (one number): views, not copies, so write them before stepping on. */
  state(): Record<string, Values> {
    const state: Record<string, Values> = { step: new Float64Array([this.#steps]) };
    for (const { name, first, second } of this.#tensors) {
      state[`exp_avg.${name}`] = first;
      state[`exp_avg_sq.${name}`] = second;
    }
    return state;
  }

  /**
   * Takes over a state of {@linkcode state} (copied), so that further steps equal those of the run it came from.
   * @throws {TypeError} If a tensor is missing, left over, or of another size; nothing was changed then.
   */
  restore(state: Readonly<Record<string, Values>>): void {
    checkState(new Map(this.#tensors.map(({ name, values }) => [name, values.length])), state);
    for (const { name, first, second } of this.#tensors) {
      first.set(savedIn(state, `exp_avg.${name}`));
      second.set(savedIn(state, `exp_avg_sq.${name}`));
    }
    this.#steps = float(savedIn(state, "step"), 0);
  }
}

/** A tensor of a saved state. @throws {TypeError} If it is missing. */
export function savedIn(state: Readonly<Record<string, Values>>, name: string): Values {
  const saved = state[name];
  if (!saved) throw new TypeError(`Cannot restore AdamW as it needs "${name}": current value is undefined`);
  return saved;
}

/** @throws {RangeError} If an option is out of range. */
export function checkOptions({ betas, epsilon, weightDecay, ratioOfB = 1 }: AdamWOptions): void {
  betas.forEach((beta, i) => need(beta >= 0 && beta < 1, `beta${i + 1} in [0, 1)`, beta));
  need(epsilon > 0 && epsilon < Infinity, "epsilon > 0", epsilon);
  need(weightDecay >= 0 && weightDecay < Infinity, "weight decay >= 0", weightDecay);
  need(ratioOfB > 0 && ratioOfB < Infinity, "a ratio of learning rates > 0", ratioOfB);
}

/**
 * True if a state is one of {@linkcode AdamW.state} for tensors of these sizes.
 * @throws {TypeError} If a tensor is missing, left over, or of another size.
 */
export function checkState(
  sizes: ReadonlyMap<string, number>,
  state: Readonly<Record<string, Values>>,
): void {
  const expected = new Map([["step", 1]]);
  for (const [name, size] of sizes) expected.set(`exp_avg.${name}`, size).set(`exp_avg_sq.${name}`, size);
  for (const [name, size] of expected) {
    sameSize("saved state", name, savedIn(state, name), size);
  }
  const extra = Object.keys(state).find((name) => !expected.has(name));
  if (extra !== undefined) {
    throw new TypeError(
      `Cannot restore AdamW as it needs the state of these parameters alone: current value has "${extra}" too`,
    );
  }
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
  { values: p, gradient: g, first: m, second: v }: Parameter & Moments & { gradient: Values },
  { start, end }: { start: number; end: number },
  { beta1, beta2, epsilon, stepSize, rootScale, keep, gradientScale }: Step,
): void {
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

function zerosLike(values: Values): Values {
  return values instanceof Float32Array ? new Float32Array(values.length) : new Float64Array(values.length);
}

function need(condition: boolean, what: string, value: unknown): void {
  if (!condition) throw new RangeError(`Cannot make AdamW as it needs ${what}: current value is ${value}`);
}

function sameSize(what: string, name: string, given: Values, size: number): void {
  if (given.length !== size) {
    throw new TypeError(
      `Cannot use the ${what} of "${name}" as it needs ${size} values: current value is ${given.length}`,
    );
  }
}
