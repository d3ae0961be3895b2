/**
 * Cases of the bench of kernels: every kernel at the sizes that a block and the head of SmolLM2-135M give it.
 * @module
 */
import type { Attributes, Axes, AxisOf, Dims, Kernel, Sample } from "./kernel.ts";
import { adamw, adamwVector } from "./ops/optimizer/adamw.ts";
import { add, addVector } from "./ops/arithmetic/add.ts";
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

/** A kernel at sizes worth timing; `rows` is the number of tokens. */
export interface BenchCase {
  kernel: Kernel;
  dims: (rows: number) => Dims;
  attrs?: Attributes;
  range?: Sample["range"];
  data?: (dims: Dims) => Record<string, number[]>;
  pairs?: (dims: Dims) => number;
  /** An input that is a frozen weight: measured once more as float16 where the backend keeps such. */
  weight?: string;
}

/** Fields of a case beside its kernel, named as in its definition. */
interface CaseOf<In extends Axes, Axis extends string> extends Pick<BenchCase, "attrs" | "range"> {
  dims: (rows: number) => Dims<Axis>;
  data?: (dims: Dims<Axis>) => { readonly [Name in keyof In]?: number[] };
  pairs?: (dims: Dims<Axis>) => number;
  weight?: keyof In & string;
}

function timed<In extends Axes, Out extends Axes>(
  kernel: Kernel<In, Out>,
  rest: CaseOf<In, AxisOf<In> | AxisOf<Out>>,
): BenchCase {
  return { kernel, ...rest } as BenchCase;
}

const [HIDDEN, MIDDLE, HEADS, KV, HEAD, RANK, FRESH] = [576, 1536, 9, 3, 64, 8, 32];
const scores = { heads: HEADS, kv_heads: KV, scale: 1 / Math.sqrt(HEAD), window: null };
const optimizer = {
  attrs: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: true },
  range: { v: [0, 1] as const },
  data: () => ({ hyper: [2e-5, 1e-3, 1.5, 0.7] }),
};

/** LoRA's second factor: what it multiplies is a sum of a thousand, whose rounding it shouldn't make large. */
const SMALL = [-0.1, 0.1] as const;

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function causal({ rows }: { readonly rows: number }): { until: number[]; positions: number[] } {
  return { until: Array(rows).fill(rows), positions: upTo(rows) };
}

/** Words of codes of 4 bits. */
function codes(words: number): number[] {
  return upTo(words).map((i) => Math.imul(i + 1, 0x9e3779b1) | 0);
}

/** Ids of labels among `choices` rows. */
function ids(labels: number, choices: number): { ids: number[] } {
  return { ids: upTo(labels).map((i) => (i * 7919) % choices) };
}

const labelIds = ({ labels, vocab }: { readonly labels: number; readonly vocab: number }) =>
  ids(labels, vocab);
const rowIds = ({ labels, rows }: { readonly labels: number; readonly rows: number }) => ids(labels, rows);

const hidden = (rows: number) => ({ rows, cols: HIDDEN });
const middle = (rows: number) => ({ rows, cols: MIDDLE });
const normed = (rows: number) => ({ rows, cols: HIDDEN, group: HIDDEN });
const logits = (rows: number) => ({ rows: Math.max(8, rows / 4), vocab: 16 * rows });
const head = (rows: number) => ({ labels: Math.max(8, rows / 4), cols: HIDDEN, vocab: 16 * rows });

/** Every kernel at least once, at sizes that it has in a block, the head, the optimizer or a step of generation. */
export const BENCH_CASES: readonly BenchCase[] = [
  timed(linear, { dims: (rows) => ({ rows, in: HIDDEN, out: MIDDLE }), weight: "w" }),
  timed(linear, { dims: (rows) => ({ rows, in: HIDDEN, out: RANK }) }),
  timed(linear, { dims: (rows) => ({ rows: 1, in: HIDDEN, out: 32 * rows }), weight: "w" }),
  timed(matmul, { dims: (rows) => ({ rows, in: MIDDLE, out: HIDDEN }), weight: "b" }),
  timed(linearPacked, {
    dims: (rows) => ({ rows, in: HIDDEN, out: MIDDLE, groups: HIDDEN / 32, words: HIDDEN / 8 }),
    data: ({ out, words }) => ({ codes: codes(out * words) }),
  }),
  timed(matmulPacked, {
    dims: (rows) => ({ rows, in: HIDDEN, out: MIDDLE, groups: HIDDEN / 32, words: HIDDEN / 8 }),
    data: ({ out, words }) => ({ codes: codes(out * words) }),
  }),
  timed(matmulAdd, { dims: (rows) => ({ rows, in: MIDDLE, out: HIDDEN }), weight: "b" }),
  timed(matmulTn, { dims: (rows) => ({ rows, left: RANK, right: HIDDEN }) }),
  timed(matmulTnAdd, { dims: (rows) => ({ rows, left: RANK, right: HIDDEN }) }),
  timed(loraUp, { dims: (rows) => ({ rows, rank: RANK, out: MIDDLE }) }),
  timed(loraLinear, {
    dims: (rows) => ({ rows, in: HIDDEN, out: MIDDLE, rank: RANK }),
    range: { b: SMALL },
    weight: "w",
  }),
  timed(loraMatmul, {
    dims: (rows) => ({ rows, in: MIDDLE, out: HIDDEN, rank: RANK }),
    range: { up: SMALL },
    weight: "b",
  }),
  timed(loraMatmulAdd, {
    dims: (rows) => ({ rows, in: MIDDLE, out: HIDDEN, rank: RANK }),
    range: { up: SMALL },
    weight: "b",
  }),
  timed(attention, {
    dims: (rows) => ({ queries: rows, rows, qcols: HEADS * HEAD, kvcols: KV * HEAD }),
    attrs: scores,
    data: causal,
  }),
  timed(attentionGrad, {
    dims: (rows) => ({ rows, qcols: HEADS * HEAD, kvcols: KV * HEAD }),
    attrs: scores,
    data: causal,
  }),
  timed(cachedAttention, {
    dims: (rows) => ({
      rows: 1,
      qcols: HEADS * HEAD,
      slots: 1,
      heads: KV,
      past: rows,
      d: HEAD,
      fresh: 0,
      kvcols: KV * HEAD,
    }),
    attrs: scores,
    data: ({ past }) => ({ places: [past - 1], past_places: upTo(past), fresh_places: [] }),
    pairs: ({ past }) => past,
  }),
  timed(cacheRows, {
    dims: (rows) => ({
      slots: 1,
      heads: KV,
      past: rows,
      d: HEAD,
      rows: FRESH,
      cols: KV * HEAD,
      taken: 1,
      room: rows + FRESH,
    }),
    data: ({ room }) => ({ from: upTo(room) }),
  }),
  timed(putCacheRows, {
    dims: (rows) => ({ slots: 1, heads: KV, past: rows, d: HEAD, rows: 1, cols: KV * HEAD }),
    data: () => ({ ids: [5] }),
  }),
  timed(putRows, {
    dims: () => ({ rows: FRESH, cols: KV * HEAD, labels: 1 }),
    data: () => ({ ids: [5] }),
  }),
  timed(labelLogprob, { dims: head, data: labelIds }),
  timed(labelLogprobBest, { dims: head, data: labelIds }),
  timed(labelLogprobUnit, { dims: head, data: labelIds, weight: "w" }),
  timed(labelLogprobGrad, { dims: head, data: labelIds }),
  timed(labelLogprobWeightGrad, { dims: head, data: labelIds }),
  timed(gatherRows, {
    dims: (rows) => ({ rows: 16 * rows, cols: HIDDEN, labels: rows }),
    data: rowIds,
    weight: "x",
  }),
  timed(scatterAddRows, {
    dims: (rows) => ({ rows, cols: HIDDEN, labels: Math.max(8, rows / 4) }),
    data: rowIds,
  }),
  timed(rmsNorm, { dims: normed, attrs: { eps: 1e-5 } }),
  timed(rmsNormGrad, { dims: normed, attrs: { eps: 1e-5 } }),
  timed(rmsNormWeightGrad, { dims: normed, attrs: { eps: 1e-5 } }),
  timed(rotary, { dims: (rows) => ({ rows, cols: HEADS * HEAD, half: HEAD / 2 }), attrs: { heads: HEADS } }),
  timed(swiglu, { dims: middle }),
  timed(swigluGrad, { dims: middle }),
  timed(geglu, { dims: middle }),
  timed(gegluGrad, { dims: middle }),
  timed(splitColumns, {
    dims: (rows) => ({ rows, cols: 2 * MIDDLE, left: MIDDLE, right: MIDDLE }),
    attrs: { left: MIDDLE },
  }),
  timed(joinColumns, {
    dims: (rows) => ({ rows, cols: 2 * MIDDLE, left: MIDDLE, right: MIDDLE }),
  }),
  timed(add, { dims: hidden }),
  timed(addBias, { dims: hidden }),
  timed(multiply, { dims: middle }),
  timed(scale, { dims: hidden, attrs: { alpha: 12 } }),
  timed(softCap, { dims: hidden, attrs: { cap: 30 }, range: { x: [-100, 100] } }),
  timed(scaleColumns, { dims: middle }),
  timed(columnDots, { dims: middle }),
  timed(doraLength, {
    dims: () => ({ out: MIDDLE, rank: RANK }),
    attrs: { scale: 2 },
    range: { norm: [10, 20] },
  }),
  timed(scaleRows, { dims: hidden }),
  timed(rowDots, { dims: hidden }),
  timed(rowDivergence, { dims: logits }),
  timed(rowDivergenceUnit, { dims: logits }),
  timed(topEntropy, { dims: logits, attrs: { count: 20 } }),
  timed(sumRows, { dims: hidden }),
  timed(divideVector, { dims: () => ({ rows: MIDDLE }) }),
  timed(addVector, { dims: () => ({ rows: HIDDEN }) }),
  timed(sumSquares, { dims: () => ({ rows: RANK, cols: MIDDLE, one: 1 }) }),
  timed(sumSquaresVector, { dims: () => ({ rows: HIDDEN, one: 1 }) }),
  timed(chooseToken, {
    dims: (rows) => ({ rows: 1, vocab: 32 * rows }),
    data: () => ({ scale: [1], share: [0.5] }),
  }),
  timed(clipHyper, {
    dims: () => ({ one: 1, hyper: 4 }),
    data: () => ({ total: [25], given: [2e-5, 1e-3, 1.5, 0.7] }),
  }),
  timed(adamw, { dims: () => ({ rows: RANK, cols: MIDDLE, hyper: 4 }), ...optimizer }),
  timed(adamwVector, { dims: () => ({ rows: HIDDEN, hyper: 4 }), ...optimizer }),
];
