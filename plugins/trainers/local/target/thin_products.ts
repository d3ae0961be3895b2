/**
 * Products of a large matrix in float32 with few vectors, in float64. Each sum is taken in the order of its terms, so grouping rows and vectors
 * changes no bit.
 * @module
 */
import { f32, f64, item } from "../../../../formats/elements.ts";

/** Vectors of one length. */
export type Vectors = readonly Float64Array<ArrayBuffer>[];

/** A matrix `[rows, columns]`, row-major, read only. */
export interface ReadMatrix {
  readonly values: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** W v of each vector `[columns]`: `[rows]` each. */
export function productsByRows(matrix: ReadMatrix, vectors: Vectors): Vectors {
  const out = vectors.map(() => new Float64Array(matrix.rows));
  // each element of W read is used by four sums, which don't wait for each other
  const whole = vectors.length - vectors.length % 4;
  for (let k = 0; k < whole; k += 4) fourByRows(matrix, vectors, out, k);
  for (let k = whole; k < vectors.length; k++) oneByRows(matrix, item(vectors, k), item(out, k));
  return out;
}

/** Wᵀ u of each vector `[rows]`: `[columns]` each. */
export function productsByColumns(matrix: ReadMatrix, vectors: Vectors): Vectors {
  const out = vectors.map(() => new Float64Array(matrix.columns));
  // a sum is read and written once for four rows of W, which stay in the cache for all vectors
  const whole = matrix.rows - matrix.rows % 4;
  for (let i = 0; i < whole; i += 4) {
    vectors.forEach((vector, k) => addFourRows(matrix, i, vector, item(out, k)));
  }
  for (let i = whole; i < matrix.rows; i++) {
    vectors.forEach((vector, k) => addRow(matrix, i, vector, item(out, k)));
  }
  return out;
}

function fourByRows({ values, rows, columns }: ReadMatrix, vectors: Vectors, out: Vectors, k: number): void {
  const a = item(vectors, k), b = item(vectors, k + 1), c = item(vectors, k + 2), d = item(vectors, k + 3);
  const ya = item(out, k), yb = item(out, k + 1), yc = item(out, k + 2), yd = item(out, k + 3);
  for (let i = 0; i < rows; i++) {
    const start = i * columns;
    let sa = 0, sb = 0, sc = 0, sd = 0;
    for (let j = 0; j < columns; j++) {
      const w = f32(values, start + j);
      sa += w * f64(a, j);
      sb += w * f64(b, j);
      sc += w * f64(c, j);
      sd += w * f64(d, j);
    }
    ya[i] = sa;
    yb[i] = sb;
    yc[i] = sc;
    yd[i] = sd;
  }
}

function oneByRows({ values, rows, columns }: ReadMatrix, vector: Float64Array, out: Float64Array): void {
  for (let i = 0; i < rows; i++) {
    const start = i * columns;
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += f32(values, start + j) * f64(vector, j);
    out[i] = sum;
  }
}

function addFourRows(
  { values, columns }: ReadMatrix,
  i: number,
  vector: Float64Array,
  out: Float64Array,
): void {
  const a = f64(vector, i), b = f64(vector, i + 1), c = f64(vector, i + 2), d = f64(vector, i + 3);
  const second = (i + 1) * columns, third = second + columns, fourth = third + columns;
  for (let j = 0, index = i * columns; j < columns; j++, index++) {
    out[j] = f64(out, j) + a * f32(values, index) + b * f32(values, second + j) +
      c * f32(values, third + j) +
      d * f32(values, fourth + j);
  }
}

function addRow({ values, columns }: ReadMatrix, i: number, vector: Float64Array, out: Float64Array): void {
  const factor = f64(vector, i), start = i * columns;
  for (let j = 0; j < columns; j++) out[j] = f64(out, j) + factor * f32(values, start + j);
}
