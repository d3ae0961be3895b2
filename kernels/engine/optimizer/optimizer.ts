/**
 * The contract between an engine and an optimizer.
 * @module
 */
import type { Values } from "./rule.ts";

/** Named float arrays: what an optimizer keeps, as `TensorStepper.state` of tensor_stepper.ts names it. */
export type NamedArrays = Record<string, Values>;

/** Steps the trained tensors of an engine. */
export interface Optimizer {
  /**
   * Clips, steps and zeroes gradients. Gives their L2 norm before clipping.
   * @throws {RangeError} If a gradient isn't finite (the tensor is named); nothing was changed then.
   */
  step(learningRate: number, maxNorm: number): Promise<number>;
  /**
   * Hands the step over to the device and doesn't wait for the norm, which {@linkcode Optimizer.lateNorm} gives. Absent where nothing
   * is waited for. Gradients are zeroed.
   */
  stepAhead?(learningRate: number, maxNorm: number): Promise<void>;
  /** The norm of the step ahead, as {@linkcode Optimizer.step} gives it; null: its square wasn't finite, and nothing was changed. */
  lateNorm?(): Promise<number | null>;
  /** Copies of moments and the number of steps. */
  state(): Promise<NamedArrays>;
  /** Takes over a state (copied). @throws {TypeError} If a tensor is missing, left over, or of another size. */
  restore(state: Readonly<NamedArrays>): void;
}
