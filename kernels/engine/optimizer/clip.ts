/**
 * Global gradient norm and clipping, as torch.nn.utils.clip_grad_norm_: factor = min(1, max / (norm + 1e-6)).
 * @module
 */
import { float } from "../../../formats/elements.ts";
import type { Values } from "./rule.ts";

/** The gradient of one tensor. */
export interface NamedGradient {
  /** The parameter's name, for messages. */
  readonly name: string;
  /** Flat, in row-major order. */
  readonly values: Values;
}

/** Where a gradient stopped being a number. */
export interface NonFinite {
  /** Of the tensor. */
  name: string;
  /** Flat index in the tensor. */
  index: number;
  /** NaN, Infinity or -Infinity. */
  value: number;
}

/**
 * L2 norm over all tensors, summed in float64. `nonFinite` is the first value that is NaN or infinite, if any; the norm
 * isn't a number to go by then.
 */
export function globalNorm(gradients: readonly NamedGradient[]): { norm: number; nonFinite?: NonFinite } {
  let total = 0;
  for (const { name, values } of gradients) {
    const sum = sumOfSquares(values);
    if (!Number.isFinite(sum)) {
      const index = values.findIndex((value) => !Number.isFinite(value));
      // Finite float64 values may overflow when squared; that is still an infinite norm, but no value is at fault.
      if (index >= 0) return { norm: NaN, nonFinite: { name, index, value: float(values, index) } };
    }
    total += sum;
  }
  return { norm: Math.sqrt(total) };
}

/** Factor for gradients of norm `norm`, in (0, 1]; `maxNorm` 0 means no clipping, as in transformers. */
export function clipFactor(norm: number, maxNorm: number): number {
  return maxNorm === 0 ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
}

/**
 * The global norm before clipping and the factor, for `TensorStepper.step`'s `gradientScale`; nothing is changed.
 * @throws {RangeError} If `maxNorm` is negative or a gradient isn't finite: names the tensor and the place.
 */
export function measureGradients(
  gradients: readonly NamedGradient[],
  maxNorm: number,
): { norm: number; factor: number } {
  checkMaxNorm(maxNorm);
  const { norm, nonFinite } = globalNorm(gradients);
  if (nonFinite) {
    throw new RangeError(
      `Cannot use the gradient of "${nonFinite.name}" as it needs finite numbers: current value at index ` +
        `${nonFinite.index} is ${nonFinite.value}. Lower learning_rate, or look at the rows of this step`,
    );
  }
  return { norm, factor: clipFactor(norm, maxNorm) };
}

/** @throws {RangeError} If gradients can't be clipped to this norm: it is negative. */
export function checkMaxNorm(maxNorm: number): void {
  if (maxNorm >= 0) return;
  throw new RangeError(
    `Cannot clip gradients as it needs a maximum norm >= 0 (0: no clipping): current value is ${maxNorm}`,
  );
}

function sumOfSquares(values: Values): number {
  // Four sums: one alone waits for the addition before it each time.
  let a = 0, b = 0, c = 0, d = 0, j = 0;
  const end = values.length - 3;
  for (; j < end; j += 4) {
    a += float(values, j) ** 2;
    b += float(values, j + 1) ** 2;
    c += float(values, j + 2) ** 2;
    d += float(values, j + 3) ** 2;
  }
  for (; j < values.length; j++) a += float(values, j) ** 2;
  return a + b + (c + d);
}
