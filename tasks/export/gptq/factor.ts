/**
 * The triangular factor that GPTQ's feedback needs.
 *
 * The paper (Frantar et al. 2022) takes the upper Cholesky factor U of H⁻¹ = UᵀU, and puts the error of column i,
 * e_i = (w_i − q_i) / U_ii, onto the columns behind it: w_j −= e_i U_ij. With R = U⁻¹, which is upper triangular and H = R Rᵀ, the
 * same is said without an inverse. The final differences d = w − q are e U, so e = d R, and what column i is when its turn comes is
 *
 *     w_i + (Σ_{j < i} d_j R_ji) / R_ii
 *
 * R is found from its last column on, in a third of the operations, and loses fewer digits.
 * @module
 */
import { f64 } from "../../../formats/elements.ts";
import type { DoubleProducts } from "../../../kernels/backends/onnx/double_products.ts";

/** Columns that are worked on at a time. */
export const FACTOR_BLOCK = 128;

/**
 * Factors H = R Rᵀ with R upper triangular; done in the place of H.
 * @param h `[n, n]`, symmetric; only what is on and above the diagonal is read and written
 * @returns Whether H is positive definite; else its place holds nothing of use
 */
export async function upperFactor(
  h: Float64Array<ArrayBuffer>,
  n: number,
  products: DoubleProducts,
): Promise<boolean> {
  for (let start, end = n; end > 0; end = start) {
    // blocks begin at multiples, as groups of inputs do
    start = Math.floor((end - 1) / FACTOR_BLOCK) * FACTOR_BLOCK;
    if (!factorBlock(h, n, start, end)) return false;
    solveAbove(h, n, start, end);
    if (start === 0) break;
    const width = end - start, above = new Float64Array(start * width);
    for (let i = 0; i < start; i++) above.set(h.subarray(i * n + start, i * n + end), i * width);
    const matrix = { data: above, rows: start, columns: width };
    const update = await products.timesTransposed(matrix, matrix);
    for (let i = 0; i < start; i++) {
      for (let j = i; j < start; j++) h[i * n + j] = f64(h, i * n + j) - f64(update, i * start + j);
    }
  }
  return true;
}

/** The block on the diagonal. */
function factorBlock(h: Float64Array, n: number, start: number, end: number): boolean {
  for (let j = end - 1; j >= start; j--) {
    let square = f64(h, j * n + j);
    for (let k = j + 1; k < end; k++) square -= f64(h, j * n + k) ** 2;
    if (!(square > 0)) return false;
    const root = Math.sqrt(square);
    h[j * n + j] = root;
    for (let i = start; i < j; i++) {
      let sum = f64(h, i * n + j);
      for (let k = j + 1; k < end; k++) sum -= f64(h, i * n + k) * f64(h, j * n + k);
      h[i * n + j] = sum / root;
    }
  }
  return true;
}

/** Rows above a factored block. */
function solveAbove(h: Float64Array, n: number, start: number, end: number): void {
  for (let i = 0; i < start; i++) {
    for (let j = end - 1; j >= start; j--) {
      let sum = f64(h, i * n + j);
      for (let k = j + 1; k < end; k++) sum -= f64(h, i * n + k) * f64(h, j * n + k);
      h[i * n + j] = sum / f64(h, j * n + j);
    }
  }
}
