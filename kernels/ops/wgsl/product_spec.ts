/**
 * A matrix product as compute shaders are asked for it.
 * @module
 */
import type { WgslPart } from "../../wgsl_program.ts";

/** Layout of the operands: "nt" A[m, k] B[n, k], "nn" A[m, k] B[k, n], "tn" A[k, m] B[k, n]. */
export type ProductLayout = "nt" | "nn" | "tn";

/** A product y[m, n] = alpha · Σ_k A(m, k) B(k, n) (+ what is added to it). */
export interface ProductSpec {
  label: string;
  layout: ProductLayout;
  m: number;
  n: number;
  k: number;
  /** Names of the operands and of the result. */
  a: string;
  b: string;
  y: string;
  alpha?: number;
  /** Added to the result, `[m, n]`. */
  base?: string;
  /** The result's old value, times a factor per row (`[m, 4]`, component 3) when named, is added. */
  keep?: { factor: string };
  /** Parts of `a`, `b` and `y` that this product is about, such as some rows of the vocabulary. */
  parts?: { a?: WgslPart; b?: WgslPart; y?: WgslPart };
}
