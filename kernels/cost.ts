/**
 * What one application of a kernel must do, by arithmetic: operations, and bytes of memory. docs/performance.md and
 * `deno task bench kernels` count by it. Work that a lowering does twice (recomputed scores, masked ones) isn't counted.
 * @module
 */
import type { Dims, Kernel } from "./kernel.ts";

/** Work of one application. */
export interface Cost {
  /** Floating-point operations; a multiply-add is two, an exponential, a root and a quotient are one each. */
  flops: number;
  /** Bytes that inputs and outputs have, each moved once; of tables only the rows that are taken. */
  bytes: number;
}

/** What sizes alone don't say. */
export interface CostOptions {
  /** Pairs of a query and a key that it sees. Default: one causal sequence. */
  pairs?: number;
  /** Inputs that lie in memory as float16. */
  half?: ReadonlySet<string>;
}

/** Operations for each of `rows · cols` elements (`rows` of a vector). */
const ELEMENTWISE: Readonly<Record<string, number>> = {
  add: 1,
  add_vector: 1,
  add_bias: 1,
  multiply: 1,
  scale_rows: 1,
  sum_rows: 1,
  sum_squares: 2,
  sum_squares_vector: 2,
  rotary: 3, // two products and a sum
  rms_norm: 4, // square, sum, ∘ 1/rms, ∘ weight
  rms_norm_grad: 10, // squares and their sum; dy ∘ w, ∘ x, sum; (dy ∘ w − x c) / rms
  rms_norm_weight_grad: 5,
  swiglu: 6, // e^−|g|, 1 +, quotient, select, ∘ gate, ∘ up
  swiglu_grad: 12,
  adamw: 16, // clipping, two averages of 3 and 4, decay, and 6 for the step
  adamw_vector: 16,
};

const PRODUCTS: Readonly<Record<string, (d: Dims, pairs: number) => number>> = {
  linear: (d) => 2 * d.rows! * d.in! * d.out!,
  matmul: (d) => 2 * d.rows! * d.in! * d.out!,
  matmul_add: (d) => d.rows! * (2 * d.in! + 1) * d.out!,
  matmul_tn: (d) => 2 * d.rows! * d.left! * d.right!,
  matmul_tn_add: (d) => (2 * d.rows! + 1) * d.left! * d.right!,
  lora_up: (d) => d.rows! * (2 * d.rank! + 1) * d.out!,
  // Two products of the scores' size forward, five backward: scores, dP, dV, dQ, dK.
  attention: (d, pairs) => 4 * pairs * d.qcols!,
  attention_grad: (d, pairs) => 10 * pairs * d.qcols!,
  cached_attention: (d, pairs) => 4 * pairs * d.qcols!,
  label_logprob: (d) => 2 * d.labels! * d.cols! * d.vocab!,
  label_logprob_unit: (d) => 4 * d.labels! * d.cols! * d.vocab!,
  label_logprob_grad: (d) => 4 * d.labels! * d.cols! * d.vocab!,
  label_logprob_weight_grad: (d) => 4 * d.labels! * d.cols! * d.vocab!,
  gather_rows: () => 0,
  put_rows: () => 0,
  cache_rows: () => 0,
  scatter_add_rows: (d) => d.labels! * d.cols!,
};

/** Bytes of kernels that don't touch all of their operands. */
const TOUCHED: Readonly<Record<string, (d: Dims, element: number) => number>> = {
  gather_rows: (d, element) => d.labels! * (d.cols! * (element + 4) + 4),
  scatter_add_rows: (d) => 4 * (d.rows! * d.cols! + d.labels! * d.cols! + d.labels!),
  cache_rows: (d) => 4 * d.taken! * d.room! * (2 * d.heads! * d.d! + 1),
};

/**
 * Operations and bytes of one application.
 * @throws {RangeError} If nobody counted the kernel.
 */
export function costOf({ name, inputs, outputs }: Kernel, dims: Dims, options: CostOptions = {}): Cost {
  const { half = new Set() } = options;
  const size = (axes: readonly string[]) => axes.reduce((n, axis) => n * dims[axis]!, 1);
  const each = ELEMENTWISE[name], product = PRODUCTS[name];
  if (each === undefined && product === undefined) {
    throw new RangeError(`Cannot count the work of kernel ${name}: kernels/cost.ts has no entry for it`);
  }
  const flops = each !== undefined
    ? each * dims.rows! * (dims.cols ?? 1)
    : product!(dims, options.pairs ?? causalPairs(dims));
  const width = (input: string) => half.has(input) ? 2 : 4;
  const bytes = TOUCHED[name]?.(dims, width("x")) ??
    Object.entries(inputs).reduce((n, [input, axes]) => n + width(input) * size(axes), 0) +
      Object.values(outputs).reduce((n, axes) => n + 4 * size(axes), 0);
  return { flops, bytes };
}

/** Pairs of the last `queries` of `rows` in one causal sequence. */
function causalPairs({ rows = 0, queries = rows }: Dims): number {
  return queries * (rows - queries) + queries * (queries + 1) / 2;
}
