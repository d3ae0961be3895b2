/**
 * Steps tensors in the host's memory by a rule, and keeps what the rule keeps of them.
 * @module
 */
import { entryOf, float, item } from "../../../formats/elements.ts";
import type { UpdateRule, Values } from "./rule.ts";

/** One tensor to train; `values` is updated in place. */
export interface Parameter {
  /** Unique; names the states in {@linkcode TensorStepper.state}. */
  readonly name: string;
  /** Flat, of any length. */
  readonly values: Values;
  /** Sizes of its axes; default: one axis. */
  readonly shape?: readonly number[];
  /** True if weight decay applies, see `takesWeightDecay`. */
  readonly decay: boolean;
  /** Learning rate over the one that a step is given, see `rateFactor`; default 1. */
  readonly rate?: number;
}

interface Kept extends Required<Parameter> {
  readonly states: Readonly<Record<string, Values>>;
}

/** The optimizer of one run: holds what its rule keeps and the number of steps done. */
export class TensorStepper {
  readonly #rule: UpdateRule;
  readonly #weightDecay: number;
  readonly #tensors: readonly Kept[];
  #steps = 0;

  /**
   * States start at 0, in the parameters' own precision.
   * @param weightDecay Of tensors that are decayed, >= 0
   * @throws {RangeError} If two parameters have the same name.
   */
  constructor(parameters: readonly Parameter[], rule: UpdateRule, weightDecay = 0) {
    const names = new Set<string>();
    for (const { name } of parameters) {
      if (names.has(name)) {
        throw new RangeError(
          `Cannot make ${rule.name} as it needs parameter names that differ: current value is ${name}`,
        );
      }
      names.add(name);
    }
    this.#rule = rule;
    this.#weightDecay = weightDecay;
    this.#tensors = parameters.map((parameter) => {
      const { values, shape = [values.length], rate = 1 } = parameter;
      const states = Object.entries(rule.states(shape)).map(([name, size]) =>
        [name, zerosLike(values, size)] as const
      );
      return { ...parameter, shape, rate, states: Object.fromEntries(states) };
    });
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
        `Cannot step as ${this.#rule.name} needs ${this.#tensors.length} gradients: current value is ${gradients.length}`,
      );
    }
    const pairs = this.#tensors.map((tensor, i) => ({ ...tensor, gradient: item(gradients, i) }));
    for (const { name, values, gradient } of pairs) sameSize("gradient", name, gradient, values.length);
    this.#steps++;
    for (const tensor of pairs) {
      this.#rule.update(tensor, {
        count: this.#steps,
        rate: learningRate * tensor.rate,
        weightDecay: tensor.decay ? this.#weightDecay : 0,
        gradientScale,
      });
    }
  }

  /** `STATE.NAME` of every tensor and `step` (one number): views, not copies, so write them before stepping on. */
  state(): Record<string, Values> {
    const state: Record<string, Values> = { step: new Float64Array([this.#steps]) };
    for (const { name, states } of this.#tensors) {
      for (const [what, values] of Object.entries(states)) state[`${what}.${name}`] = values;
    }
    return state;
  }

  /**
   * Takes over a state of {@linkcode state} (copied), so that further steps equal those of the run it came from.
   * @throws {TypeError} If a tensor is missing, left over, or of another size; nothing was changed then.
   */
  restore(state: Readonly<Record<string, Values>>): void {
    checkState(this.#rule, new Map(this.#tensors.map(({ name, shape }) => [name, shape])), state);
    for (const { name, states } of this.#tensors) {
      for (const [what, values] of Object.entries(states)) values.set(entryOf(state, `${what}.${name}`));
    }
    this.#steps = float(entryOf(state, "step"), 0);
  }
}

/**
 * True if a state is one of {@linkcode TensorStepper.state} for tensors of these sizes.
 * @param shapes By the tensors' names
 * @throws {TypeError} If a tensor is missing, left over, or of another size.
 */
export function checkState(
  { name: rule, states }: Pick<UpdateRule, "name" | "states">,
  shapes: ReadonlyMap<string, readonly number[]>,
  state: Readonly<Record<string, Values>>,
): void {
  const expected = new Map([["step", 1]]);
  for (const [name, shape] of shapes) {
    for (const [what, size] of Object.entries(states(shape))) expected.set(`${what}.${name}`, size);
  }
  for (const [name, size] of expected) {
    const saved = state[name];
    if (!saved) {
      throw new TypeError(`Cannot restore ${rule} as it needs "${name}": current value is undefined`);
    }
    sameSize("saved state", name, saved, size);
  }
  const extra = Object.keys(state).find((name) => !expected.has(name));
  if (extra !== undefined) {
    throw new TypeError(
      `Cannot restore ${rule} as it needs the state of these parameters alone: current value has "${extra}" too`,
    );
  }
}

function zerosLike(values: Values, size: number): Values {
  return values instanceof Float32Array ? new Float32Array(size) : new Float64Array(size);
}

function sameSize(what: string, name: string, given: Values, size: number): void {
  if (given.length !== size) {
    throw new TypeError(
      `Cannot use the ${what} of "${name}" as it needs ${size} values: current value is ${given.length}`,
    );
  }
}
