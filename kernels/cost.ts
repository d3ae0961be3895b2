/**
 * Work of one application of a kernel, by arithmetic: operations, and bytes of memory. docs/performance_webgpu.md and
 * `deno task bench kernels` count by it. Work that a lowering does twice (recomputed scores, masked ones) isn't counted.
 * @module
 */
import type { Axes, AxisOf, Dims, Kernel } from "./kernel.ts";
import { add, addVector } from "./ops/arithmetic/add.ts";
import { adamw, adamwVector } from "./ops/optimizer/adamw.ts";
import { addBias } from "./ops/arithmetic/add_bias.ts";
import { attention } from "./ops/attention/attention.ts";
import { attentionGrad } from "./ops/attention/attention_grad.ts";
import { cacheRows } from "./ops/attention/cache_rows.ts";
import { cachedAttention } from "./ops/attention/cached_attention.ts";
import { chooseToken } from "./ops/head/choose_token.ts";
import { clipHyper } from "./ops/optimizer/clip_hyper.ts";
import { columnDots } from "./ops/arithmetic/column_dots.ts";
import { divideVector } from "./ops/arithmetic/divide_vector.ts";
import { doraLength } from "./ops/norms/dora_length.ts";
import { geglu } from "./ops/activations/geglu.ts";
import { gegluGrad } from "./ops/activations/geglu_grad.ts";
import { gatherRows } from "./ops/layout/gather_rows.ts";
import { joinColumns } from "./ops/layout/join_columns.ts";
import { labelLogprob, labelLogprobBest, labelLogprobUnit } from "./ops/head/label_logprob.ts";
import { labelLogprobGrad, labelLogprobWeightGrad } from "./ops/head/label_logprob_grad.ts";
import { loraLinear, loraMatmul, loraMatmulAdd } from "./ops/products/lora_products.ts";
import { multiply } from "./ops/arithmetic/multiply.ts";
import { linearPacked, matmulPacked } from "./ops/products/packed_products.ts";
import { linear, matmul, matmulTn } from "./ops/products/products.ts";
import { loraUp, matmulAdd, matmulTnAdd } from "./ops/products/product_sums.ts";
import { putCacheRows } from "./ops/attention/put_cache_rows.ts";
import { putRows } from "./ops/layout/put_rows.ts";
import { rmsNorm } from "./ops/norms/rms_norm.ts";
import { rmsNormGrad, rmsNormWeightGrad } from "./ops/norms/rms_norm_grad.ts";
import { rotary } from "./ops/attention/rotary.ts";
import { rowDivergence, rowDivergenceUnit } from "./ops/head/row_divergence.ts";
import { rowDots } from "./ops/arithmetic/row_dots.ts";
import { scaleColumns } from "./ops/arithmetic/scale_columns.ts";
import { scale } from "./ops/arithmetic/scale.ts";
import { scaleRows } from "./ops/arithmetic/scale_rows.ts";
import { scatterAddRows } from "./ops/layout/scatter_add_rows.ts";
import { softCap } from "./ops/arithmetic/soft_cap.ts";
import { splitColumns } from "./ops/layout/split_columns.ts";
import { sumRows } from "./ops/arithmetic/sum_rows.ts";
import { sumSquares, sumSquaresVector } from "./ops/optimizer/sum_squares.ts";
import { swiglu } from "./ops/activations/swiglu.ts";
import { swigluGrad } from "./ops/activations/swiglu_grad.ts";
import { topEntropy } from "./ops/head/top_entropy.ts";

/** Work of one application. */
export interface Cost {
  /** Floating-point operations; a multiply-add is two, an exponential, a root and a quotient are one each. */
  flops: number;
  /** Bytes that inputs and outputs have, each moved once; of tables only the rows that are taken. */
  bytes: number;
}

/** Facts that sizes alone don't give. */
export interface CostOptions {
  /** Pairs of a query and a key that it sees. Default: one causal sequence. */
  pairs?: number;
  /** Inputs that lie in memory as float16. */
  half?: ReadonlySet<string>;
}

/** Operations by the sizes of a kernel's axes; `pairs` of a query and a key that it sees. */
type Count = (dims: Dims, pairs: number) => number;

/** A kernel and how its operations are counted, by the axes that its definition names. */
function flops<In extends Axes, Out extends Axes>(
  kernel: Kernel<In, Out>,
  count: (dims: Dims<AxisOf<In> | AxisOf<Out>>, pairs: number) => number,
): [name: string, count: Count] {
  return [kernel.name, count as Count];
}

/** The same number for each element. */
function each<In extends Axes, Out extends Axes>(
  kernel: Kernel<In, Out>,
  operations: number,
): [name: string, count: Count] {
  return [kernel.name, ({ rows = 1, cols = 1 }) => operations * rows * cols];
}

/** A product, the narrow one and the one behind it, whose results are added. */
function besideLora({ rows, in: depth, out, rank }: Dims<"rows" | "in" | "out" | "rank">): number {
  return rows * (2 * depth * (out + rank) + (2 * rank + 1) * out);
}

const FLOPS: ReadonlyMap<string, Count> = new Map([
  each(add, 1),
  each(addVector, 1),
  each(addBias, 1),
  each(multiply, 1),
  each(divideVector, 1),
  each(scale, 1),
  each(softCap, 16), // two products, the square, 11 of the polynomials, product, quotient
  each(scaleColumns, 1),
  each(columnDots, 2),
  each(scaleRows, 1),
  each(sumRows, 1),
  each(rowDots, 2),
  each(sumSquares, 2),
  each(sumSquaresVector, 2),
  each(rotary, 3), // two products and a sum
  each(rmsNorm, 4), // square, sum, ∘ 1/rms, ∘ weight
  each(rmsNormGrad, 10), // squares and their sum; dy ∘ w, ∘ x, sum; (dy ∘ w − x c) / rms
  each(rmsNormWeightGrad, 5),
  each(swiglu, 6), // e^−|g|, 1 +, quotient, select, ∘ gate, ∘ up
  each(swigluGrad, 12),
  each(geglu, 10), // SwiGLU's, and four for the sigmoid's argument
  each(gegluGrad, 20), // the share 8, dup 2, the argument's slope 3, the gate's 5, ∘ dy, ∘ up
  each(adamw, 16), // clipping, two averages of 3 and 4, decay, and 6 for the step
  each(adamwVector, 16),
  flops(linear, ({ rows, in: depth, out }) => 2 * rows * depth * out),
  flops(matmul, ({ rows, in: depth, out }) => 2 * rows * depth * out),
  flops(linearPacked, ({ rows, in: depth, out }) => 2 * rows * depth * out),
  flops(matmulPacked, ({ rows, in: depth, out }) => 2 * rows * depth * out),
  flops(matmulAdd, ({ rows, in: depth, out }) => rows * (2 * depth + 1) * out),
  flops(matmulTn, ({ rows, left, right }) => 2 * rows * left * right),
  flops(matmulTnAdd, ({ rows, left, right }) => (2 * rows + 1) * left * right),
  flops(loraLinear, besideLora),
  flops(loraMatmul, besideLora),
  flops(loraMatmulAdd, (dims) => besideLora(dims) + dims.rows * dims.out),
  flops(loraUp, ({ rows, rank, out }) => rows * (2 * rank + 1) * out),
  // Two products of the scores' size forward, five backward: scores, dP, dV, dQ, dK.
  flops(attention, ({ qcols }, pairs) => 4 * pairs * qcols),
  flops(attentionGrad, ({ qcols }, pairs) => 10 * pairs * qcols),
  flops(cachedAttention, ({ qcols }, pairs) => 4 * pairs * qcols),
  flops(labelLogprob, ({ labels, cols, vocab }) => 2 * labels * cols * vocab),
  flops(labelLogprobBest, ({ labels, cols, vocab }) => 2 * labels * cols * vocab),
  flops(labelLogprobUnit, ({ labels, cols, vocab }) => 4 * labels * cols * vocab),
  flops(labelLogprobGrad, ({ labels, cols, vocab }) => 4 * labels * cols * vocab),
  flops(labelLogprobWeightGrad, ({ labels, cols, vocab }) => 4 * labels * cols * vocab),
  // of each distribution difference, exponential, sum; then two differences of logarithms, an exponential, a difference, product and sum
  flops(rowDivergence, ({ rows, vocab }) => 14 * rows * vocab),
  flops(rowDivergenceUnit, ({ rows, vocab }) => 16 * rows * vocab),
  flops(topEntropy, ({ rows, vocab }) => 20 * rows * vocab), // a comparison for each of 20
  flops(chooseToken, ({ rows, vocab }) => 5 * rows * vocab), // difference, product, exponential, two sums
  flops(doraLength, ({ out, rank }) => out * (5 * rank + 4)), // of a rank two products, two sums, a factor; then square, factor, sum, root
  flops(clipHyper, () => 3), // root, sum, quotient
  flops(gatherRows, () => 0),
  flops(putCacheRows, () => 0),
  flops(putRows, () => 0),
  flops(splitColumns, () => 0),
  flops(joinColumns, () => 0),
  flops(cacheRows, () => 0),
  flops(scatterAddRows, ({ labels, cols }) => labels * cols),
]);

/** Bytes of kernels that don't touch all of their operands; `xBytes` of an element of input `x`. */
type Touched = (dims: Dims, xBytes: number) => number;

function touched<In extends Axes, Out extends Axes>(
  kernel: Kernel<In, Out>,
  bytes: (dims: Dims<AxisOf<In> | AxisOf<Out>>, xBytes: number) => number,
): [name: string, bytes: Touched] {
  return [kernel.name, bytes as Touched];
}

const TOUCHED: ReadonlyMap<string, Touched> = new Map([
  touched(gatherRows, ({ labels, cols }, xBytes) => labels * (cols * (xBytes + 4) + 4)),
  touched(scatterAddRows, ({ rows, cols, labels }) => 4 * (rows * cols + labels * cols + labels)),
  touched(cacheRows, ({ taken, room, heads, d }) => 4 * taken * room * (2 * heads * d + 1)),
]);

/**
 * Operations and bytes of one application.
 * @throws {RangeError} If the kernel's work isn't counted, or an axis has no size.
 */
export function kernelCost({ name, inputs, outputs }: Kernel, dims: Dims, options: CostOptions = {}): Cost {
  const { half = new Set() } = options, count = FLOPS.get(name);
  if (count === undefined) {
    throw new RangeError(`Cannot count the work of kernel ${name}: kernels/cost.ts has no entry for it`);
  }
  const size = (axes: readonly string[]) =>
    axes.reduce((product, axis) => {
      const found = dims[axis];
      if (found === undefined) {
        throw new RangeError(`Cannot count the work of kernel ${name}: axis "${axis}" has no size`);
      }
      return product * found;
    }, 1);
  const width = (input: string) => half.has(input) ? 2 : 4;
  const bytes = TOUCHED.get(name)?.(dims, width("x")) ??
    Object.entries(inputs).reduce((n, [input, axes]) => n + width(input) * size(axes), 0) +
      Object.values(outputs).reduce((n, axes) => n + 4 * size(axes), 0);
  return { flops: count(dims, options.pairs ?? causalPairs(dims)), bytes };
}

/** True if a kernel's work is counted here. */
export function isCounted({ name }: Kernel): boolean {
  return FLOPS.has(name);
}

/** Pairs of the last `queries` of `rows` in one causal sequence. */
function causalPairs({ rows = 0, queries = rows }: Dims): number {
  return queries * (rows - queries) + queries * (queries + 1) / 2;
}
