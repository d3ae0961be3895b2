/**
 * What an optimizer does to a tensor, apart from whose tensors they are and where its numbers are kept.
 *
 * A rule is a plugin's idea without a plugin's door: it is chosen by `optim`, its numbers are in checkpoints by name, and it is stepped in the loop that
 * owns memory (docs/decisions/training.md).
 * @module
 */

/** Parameters, gradients and states of one tensor, flat. Float64Array is for tests and small problems. */
export type Values = Float32Array | Float64Array;

/** A tensor as a rule steps it. */
export interface RuledTensor {
  /** Flat, row-major; changed in place. */
  readonly values: Values;
  /** Sizes of its axes, 1 or 2 of them. */
  readonly shape: readonly number[];
  /** As large as `values`; read only. */
  readonly gradient: Values;
  /** By the names of {@linkcode UpdateRule.states}; changed in place. */
  readonly states: Readonly<Record<string, Values>>;
}

/** Numbers of a step that one tensor has. */
export interface RuledStep {
  /** Number of this step, from 1. */
  count: number;
  /** The tensor's learning rate, >= 0. */
  rate: number;
  /** Weight decay, >= 0, 0 for tensors that aren't decayed; what it does is the rule's. */
  weightDecay: number;
  /** Factor of gradient clipping, in (0, 1]. */
  gradientScale: number;
}

/** An optimizer's formula. Arithmetic is float64; what is kept is rounded to its array once a step. */
export interface UpdateRule {
  /** For messages, as its authors write it. */
  readonly name: string;
  /** Elements of what is kept of a tensor of these sizes, by torch's or transformers' names; all begin at 0. */
  states(shape: readonly number[]): Readonly<Record<string, number>>;
  /** Changes values and states. */
  update(tensor: RuledTensor, step: RuledStep): void;
}
