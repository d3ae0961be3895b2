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

/** Parameters, gradients and moments of one tensor, flat. Float64Array is for tests and small problems. */
export type Values = Float32Array | Float64Array;

/** One tensor to train; `values` is updated in place. */
export interface Parameter {
  /** Unique; names the moments in {@linkcode AdamW.state}. */
  readonly name: string;
  /** Flat, of any length. */
  readonly values: Values;
  /** Whether weight decay applies, see {@linkcode takesWeightDecay}. */
  readonly decay: boolean;
}

/** Hyperparameters, constant over a run. */
export interface AdamWOptions {
  /** Decay rates of the moments, each in [0, 1). */
  readonly betas: readonly [number, number];
  /** Added to the root of the second moment, > 0. */
  readonly epsilon: number;
  /** Decoupled decay, >= 0, in units of 1 / learning rate. */
  readonly weightDecay: number;
}

/** transformers' defaults. */
export const adamWDefaults: AdamWOptions = Object.freeze({
  betas: Object.freeze([0.9, 0.999] as const),
  epsilon: 1e-8,
  weightDecay: 0,
});

/**
 * False for norm weights and biases, by name, as transformers' `get_decay_parameter_names` has it.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { takesWeightDecay } from "./adamw.ts";
 *
 * assertEquals(takesWeightDecay("model.layers.0.mlp.up_proj.weight"), true);
 * assertEquals(takesWeightDecay("model.layers.0.input_layernorm.weight"), false);
 * ```
 */
export function takesWeightDecay(name: string): boolean {
  return !/bias|layernorm|rmsnorm|(^|\.)norm($|\.)|_norm($|\.)/i.test(name);
}

/** The optimizer of one run: holds the moments of its parameters and the number of steps done. */
export class AdamW {
  readonly #parameters: readonly Parameter[];
  readonly #options: AdamWOptions;
  readonly #first: Values[];
  readonly #second: Values[];
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
    this.#parameters = parameters;
    this.#options = options;
    this.#first = parameters.map(({ values }) => zerosLike(values));
    this.#second = parameters.map(({ values }) => zerosLike(values));
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
    if (gradients.length !== this.#parameters.length) {
      throw new TypeError(
        `Cannot step as AdamW needs ${this.#parameters.length} gradients: current value is ${gradients.length}`,
      );
    }
    this.#parameters.forEach(({ name, values }, i) =>
      sameSize("gradient", name, gradients[i]!, values.length)
    );
    this.#steps++;
    const { betas: [beta1, beta2], epsilon, weightDecay } = this.#options;
    // The bias corrections, moved out of the loop: m / c1 / (√(v / c2) + ε) = (1 / c1) m / (√v · (1 / √c2) + ε).
    const stepSize = learningRate / (1 - beta1 ** this.#steps);
    const rootScale = 1 / Math.sqrt(1 - beta2 ** this.#steps);
    for (let i = 0; i < gradients.length; i++) {
      const { values, decay } = this.#parameters[i]!;
      const keep = decay ? 1 - learningRate * weightDecay : 1;
      for (let start = 0; start < values.length; start += BLOCK) {
        update(
          values,
          gradients[i]!,
          this.#first[i]!,
          this.#second[i]!,
          start,
          Math.min(start + BLOCK, values.length),
          beta1,
          beta2,
          epsilon,
          stepSize,
          rootScale,
          keep,
          gradientScale,
        );
      }
    }
  }

  /** `exp_avg.<name>`, `exp_avg_sq.<name>` and `step` (one number): views, not copies, so write them before stepping on. */
  state(): Record<string, Values> {
    const state: Record<string, Values> = { step: new Float64Array([this.#steps]) };
    this.#parameters.forEach(({ name }, i) => {
      state[`exp_avg.${name}`] = this.#first[i]!;
      state[`exp_avg_sq.${name}`] = this.#second[i]!;
    });
    return state;
  }

  /**
   * Takes over a state of {@linkcode state} (copied), so that further steps equal those of the run it came from.
   * @throws {TypeError} If a tensor is missing, left over, or of another size; nothing was changed then.
   */
  restore(state: Readonly<Record<string, Values>>): void {
    const own = this.state();
    checkState(new Map(this.#parameters.map(({ name, values }) => [name, values.length])), state);
    for (const [name, values] of Object.entries(own)) values.set(state[name]!);
    this.#steps = state.step![0]!;
  }
}

/** @throws {RangeError} If an option is out of range. */
export function checkOptions({ betas, epsilon, weightDecay }: AdamWOptions): void {
  betas.forEach((beta, i) => need(beta >= 0 && beta < 1, `beta${i + 1} in [0, 1)`, beta));
  need(epsilon > 0 && epsilon < Infinity, "epsilon > 0", epsilon);
  need(weightDecay >= 0 && weightDecay < Infinity, "weight decay >= 0", weightDecay);
}

/**
 * Whether a state is one of {@linkcode AdamW.state} for tensors of these sizes.
 * @throws {TypeError} If a tensor is missing, left over, or of another size.
 */
export function checkState(
  sizes: ReadonlyMap<string, number>,
  state: Readonly<Record<string, Values>>,
): void {
  const expected = new Map([["step", 1]]);
  for (const [name, size] of sizes) expected.set(`exp_avg.${name}`, size).set(`exp_avg_sq.${name}`, size);
  for (const [name, size] of expected) {
    const saved = state[name];
    if (!saved) throw new TypeError(`Cannot restore AdamW as it needs "${name}": current value is undefined`);
    sameSize("saved state", name, saved, size);
  }
  const extra = Object.keys(state).find((name) => !expected.has(name));
  if (extra !== undefined) {
    throw new TypeError(
      `Cannot restore AdamW as it needs the state of these parameters alone: current value has "${extra}" too`,
    );
  }
}

// A call a block, so that the compiler gets to optimise the loop before a first large tensor is done.
const BLOCK = 16_384;

/** The loop that full fine-tuning spends its optimizer time in: plain, no allocation, one pass over memory. */
function update(
  p: Values,
  g: Values,
  m: Values,
  v: Values,
  start: number,
  end: number,
  beta1: number,
  beta2: number,
  epsilon: number,
  stepSize: number,
  rootScale: number,
  keep: number,
  gradientScale: number,
): void {
  const rest1 = 1 - beta1;
  const rest2 = 1 - beta2;
  for (let j = start; j < end; j++) {
    const gradient = g[j]! * gradientScale;
    const first = beta1 * m[j]! + rest1 * gradient;
    const second = beta2 * v[j]! + rest2 * gradient * gradient;
    m[j] = first;
    v[j] = second;
    p[j] = p[j]! * keep - stepSize * first / (Math.sqrt(second) * rootScale + epsilon);
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
