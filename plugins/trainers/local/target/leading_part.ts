/**
 * The leading singular part of a matrix: U, S and V of its r largest singular values (Eckart & Young 1936), in full or by subspace
 * iteration from random numbers (Halko, Martinsson & Tropp 2011, algorithm 4.4), as PyTorch's svd_lowrank has it.
 * @module
 */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";

import { f64, float, item } from "../../../../formats/elements.ts";
import { addScaled, dot } from "../../../../kernels/vectors.ts";
import { productsByColumns, productsByRows, type ReadMatrix, type Vectors } from "./thin_products.ts";

/** Singular values, falling, with their vectors. */
export interface LeadingPart {
  /** ≥ 0. */
  readonly values: readonly number[];
  /** Of the rows' space, `[rows]` each. */
  readonly left: Vectors;
  /** Of the columns' space, `[columns]` each. */
  readonly right: Vectors;
}

/**
 * The r largest singular values and their vectors, in float64; a vector of zeros where a value is 0.
 * @param r Number of them, ≥ 1, at most the smaller size
 * @param start Iterations and the random vectors `[r, columns]` that they begin from; null: in full, by the eigenvectors of the smaller
 * of W Wᵀ and Wᵀ W, whose work is that size cubed
 */
export function leadingPart(
  matrix: ReadMatrix,
  r: number,
  start: { readonly iterations: number; readonly random: Float32Array } | null,
): LeadingPart {
  // of an orthonormal basis of rows' combinations B = Qᵀ W, the singular part of B gives that of Q B
  const basis = start === null ? null : iterated(matrix, r, start);
  const wide = matrix.rows > matrix.columns && basis === null;
  const seen = wide ? transposed(matrix) : matrix;
  const reduced = basis === null ? rowsOfMatrix(seen) : productsByColumns(seen, basis);
  const { values, vectors } = eigen(reduced, r);
  const roots = values.map((value) => Math.sqrt(Math.max(0, value)));
  const left = basis === null ? vectors : vectors.map((vector) => combined(basis, vector));
  const right = vectors.map((vector, k) => {
    const sum = combined(reduced, vector), root = item(roots, k);
    return root > 0 ? sum.map((value) => value / root) : sum.fill(0);
  });
  return wide ? { values: roots, left: right, right: left } : { values: roots, left, right };
}

/** An orthonormal basis of what W makes of random vectors, W again put on it so many times. */
function iterated(
  matrix: ReadMatrix,
  r: number,
  { iterations, random }: { iterations: number; random: Float32Array },
): Vectors {
  const { columns } = matrix;
  let right: Vectors = Array.from(
    { length: r },
    (_, k) => Float64Array.from(random.subarray(k * columns, (k + 1) * columns)),
  );
  let left = orthonormal(productsByRows(matrix, right));
  for (let i = 0; i < iterations; i++) {
    right = orthonormal(productsByColumns(matrix, left));
    left = orthonormal(productsByRows(matrix, right));
  }
  return left;
}

/** Gram–Schmidt, twice, which is as good as Householder's (Giraud et al. 2005); what depends on others becomes zeros. */
function orthonormal(vectors: Vectors): Vectors {
  vectors.forEach((vector, k) => {
    const before = Math.sqrt(dot(vector, vector));
    for (const _ of [1, 2]) {
      for (const other of vectors.slice(0, k)) addScaled(vector, other, -dot(vector, other));
    }
    const length = Math.sqrt(dot(vector, vector));
    vector.forEach((value, i) => vector[i] = length > 1e-12 * before ? value / length : 0);
  });
  return vectors;
}

/** The r largest eigenvalues of B Bᵀ with their vectors, of the rows of B. */
function eigen(rows: Vectors, r: number): { values: number[]; vectors: Vectors } {
  const gram = Matrix.zeros(rows.length, rows.length);
  rows.forEach((row, i) => {
    for (let j = 0; j <= i; j++) {
      const value = dot(row, item(rows, j));
      gram.set(i, j, value);
      gram.set(j, i, value);
    }
  });
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(gram, { assumeSymmetric: true });
  const order = realEigenvalues.map((_, i) => i).sort((a, b) =>
    item(realEigenvalues, b) - item(realEigenvalues, a)
  ).slice(0, r);
  return {
    values: order.map((i) => item(realEigenvalues, i)),
    vectors: order.map((i) => Float64Array.from(eigenvectorMatrix.getColumn(i))),
  };
}

/** Σ factor · vector. */
function combined(vectors: Vectors, factors: Float64Array): Float64Array<ArrayBuffer> {
  const sum = new Float64Array(item(vectors, 0).length);
  vectors.forEach((vector, k) => addScaled(sum, vector, f64(factors, k)));
  return sum;
}

function rowsOfMatrix({ values, rows, columns }: ReadMatrix): Vectors {
  return Array.from(
    { length: rows },
    (_, i) => Float64Array.from(values.subarray(i * columns, (i + 1) * columns)),
  );
}

function transposed({ values, rows, columns }: ReadMatrix): ReadMatrix {
  const out = new Float32Array(values.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) out[j * rows + i] = float(values, i * columns + j);
  }
  return { values: out, rows: columns, columns: rows };
}
