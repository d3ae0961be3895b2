import type { Dims } from "../kernel.ts";

/** The kernel of a pair that takes tensors of a rank. @throws {TypeError} If the rank is neither 1 nor 2. */
export function ofRank<T>(rank: number, { vector, matrix }: { vector: T; matrix: T }): T {
  if (rank === 1) return vector;
  if (rank === 2) return matrix;
  throw new TypeError(`Cannot take tensors of rank ${rank}: ranks 1 and 2 are known`);
}

/** Sizes of a tensor of one or two axes as a matrix: a vector is one row. @throws {RangeError} If an axis has no size. */
export function matrixSizes(axes: readonly string[], dims: Dims): { rows: number; cols: number } {
  const [cols = 1, rows = 1] = axes.map((axis) => {
    const size = dims[axis];
    if (size === undefined) {
      throw new RangeError(`Cannot size axis "${axis}": known are ${Object.keys(dims)}`);
    }
    return size;
  }).toReversed();
  return { rows, cols };
}
