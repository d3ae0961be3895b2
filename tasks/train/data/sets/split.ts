/**
 * Splits rows into training and evaluation rows as Hugging Face `datasets` does in `train_test_split(test_size, seed)`.
 * @module
 */
import { NumpyGenerator } from "../../../../kernels/random/numpy.ts";

/** Row numbers of both parts, in the order in which they are used. */
export interface Split {
  /** For training. */
  train: Int32Array;
  /** For evaluation. */
  validation: Int32Array;
}

/**
 * Splits `n` rows. The rule of LLaMA-Factory: above 1 `valSize` is a count of rows (its fraction is cut off), below 1 a
 * share, rounded up. Exactly 1 is one row.
 *
 * @param n Number of rows, before any is dropped.
 * @param valSize >= 0; 0 gives no evaluation rows and leaves the order alone.
 * @param seed Whole number >= 0.
 * @throws {RangeError} If either part would be empty.
 */
export function splitRows(n: number, valSize: number, seed: number): Split {
  if (valSize === 0) {
    return { train: Int32Array.from({ length: n }, (_, i) => i), validation: new Int32Array(0) };
  }
  const wanted = valSize >= 1 ? Math.floor(valSize) : Math.ceil(valSize * n);
  if (!(valSize > 0) || wanted >= n) {
    throw new RangeError(
      `Cannot hold out rows for evaluation as val_size needs at least one training row left: current value is ${valSize}` +
        ` of ${n} rows, which holds out ${wanted}. ` +
        (n > 1
          ? `Give a count below ${n}, or a share of at most ${n - 1} in ${n}`
          : "Leave it out, or give more rows"),
    );
  }
  const order = new NumpyGenerator(seed).permutation(n);
  return { train: order.slice(wanted), validation: order.slice(0, wanted) };
}
