/**
 * What the bench of kernels times: every kernel at the sizes that a block and the head of SmolLM2-135M give it.
 * @module
 */
import type { Attributes, Dims, Kernel, Sample } from "./kernel.ts";
import { adamw, adamwVector } from "./ops/adamw.ts";
import { add, addVector } from "./ops/add.ts";
import { addBias } from "./ops/add_bias.ts";
import { attention } from "./ops/attention.ts";
import { attentionGrad } from "./ops/attention_grad.ts";
import { cacheRows } from "./ops/cache_rows.ts";
import { cachedAttention } from "./ops/cached_attention.ts";
import { gatherRows } from "./ops/gather_rows.ts";
import { labelLogprob, labelLogprobUnit } from "./ops/label_logprob.ts";
import { labelLogprobGrad, labelLogprobWeightGrad } from "./ops/label_logprob_grad.ts";
import { linear } from "./ops/linear.ts";
import { loraUp } from "./ops/lora_up.ts";
import { matmul } from "./ops/matmul.ts";
import { matmulAdd, matmulTnAdd } from "./ops/matmul_add.ts";
import { matmulTn } from "./ops/matmul_tn.ts";
import { multiply } from "./ops/multiply.ts";
import { putRows } from "./ops/put_rows.ts";
import { rmsNorm } from "./ops/rms_norm.ts";
import { rmsNormGrad, rmsNormWeightGrad } from "./ops/rms_norm_grad.ts";
import { rotary } from "./ops/rotary.ts";
import { scaleRows } from "./ops/scale_rows.ts";
import { scatterAddRows } from "./ops/scatter_add_rows.ts";
import { sumRows } from "./ops/sum_rows.ts";
import { sumSquares, sumSquaresVector } from "./ops/sum_squares.ts";
import { swiglu } from "./ops/swiglu.ts";
import { swigluGrad } from "./ops/swiglu_grad.ts";

/** A kernel at sizes worth timing. */
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

const [HIDDEN, MIDDLE, HEADS, KV, HEAD, RANK, FRESH] = [576, 1536, 9, 3, 64, 8, 32];
const scores = { heads: HEADS, kv_heads: KV, scale: 1 / Math.sqrt(HEAD), window: null };
const optimizer = {
  attrs: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: true },
  range: { v: [0, 1] as const },
  data: () => ({ hyper: [2e-5, 1e-3, 1.5, 0.7] }),
};

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function causal({ rows }: Dims): Record<string, number[]> {
  return { until: Array(rows!).fill(rows!), positions: upTo(rows!) };
}

function ids({ labels, vocab, rows }: Dims): Record<string, number[]> {
  return { ids: upTo(labels!).map((i) => (i * 7919) % (vocab ?? rows)!) };
}

const hidden = (rows: number) => ({ rows, cols: HIDDEN });
const middle = (rows: number) => ({ rows, cols: MIDDLE });
const normed = (rows: number) => ({ rows, cols: HIDDEN, group: HIDDEN });
const head = (rows: number) => ({ labels: Math.max(8, rows / 4), cols: HIDDEN, vocab: 16 * rows });

/** Every kernel at least once, at sizes that it has in a block, the head, the optimizer or a step of generation. */
export const BENCH_CASES: readonly BenchCase[] = [
  { kernel: linear, dims: (rows) => ({ rows, in: HIDDEN, out: MIDDLE }), weight: "w" },
  { kernel: linear, dims: (rows) => ({ rows, in: HIDDEN, out: RANK }) },
  { kernel: linear, dims: (rows) => ({ rows: 1, in: HIDDEN, out: 32 * rows }), weight: "w" },
  { kernel: matmul, dims: (rows) => ({ rows, in: MIDDLE, out: HIDDEN }), weight: "b" },
  { kernel: matmulAdd, dims: (rows) => ({ rows, in: MIDDLE, out: HIDDEN }), weight: "b" },
  { kernel: matmulTn, dims: (rows) => ({ rows, left: RANK, right: HIDDEN }) },
  { kernel: matmulTnAdd, dims: (rows) => ({ rows, left: RANK, right: HIDDEN }) },
  { kernel: loraUp, dims: (rows) => ({ rows, rank: RANK, out: MIDDLE }) },
  {
    kernel: attention,
    dims: (rows) => ({ queries: rows, rows, qcols: HEADS * HEAD, kvcols: KV * HEAD }),
    attrs: scores,
    data: causal,
  },
  {
    kernel: attentionGrad,
    dims: (rows) => ({ rows, qcols: HEADS * HEAD, kvcols: KV * HEAD }),
    attrs: scores,
    data: causal,
  },
  {
    kernel: cachedAttention,
    dims: (rows) => ({
      rows: 1,
      qcols: HEADS * HEAD,
      slots: 1,
      heads: KV,
      past: rows,
      d: HEAD,
      fresh: FRESH,
      kvcols: KV * HEAD,
    }),
    attrs: scores,
    data: ({ past }) => ({
      at: [past! + FRESH - 1],
      past_at: upTo(past!),
      fresh_at: upTo(FRESH).map((i) => past! + i),
    }),
    pairs: ({ past, fresh }) => past! + fresh!,
  },
  {
    kernel: cacheRows,
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
    data: ({ room }) => ({ from: upTo(room!) }),
  },
  {
    kernel: putRows,
    dims: () => ({ rows: FRESH, cols: KV * HEAD, labels: 1 }),
    data: () => ({ ids: [5] }),
  },
  { kernel: labelLogprob, dims: head, data: ids },
  { kernel: labelLogprobUnit, dims: head, data: ids, weight: "w" },
  { kernel: labelLogprobGrad, dims: head, data: ids },
  { kernel: labelLogprobWeightGrad, dims: head, data: ids },
  {
    kernel: gatherRows,
    dims: (rows) => ({ rows: 16 * rows, cols: HIDDEN, labels: rows }),
    data: ids,
    weight: "x",
  },
  {
    kernel: scatterAddRows,
    dims: (rows) => ({ rows, cols: HIDDEN, labels: Math.max(8, rows / 4) }),
    data: ids,
  },
  { kernel: rmsNorm, dims: normed, attrs: { eps: 1e-5 } },
  { kernel: rmsNormGrad, dims: normed, attrs: { eps: 1e-5 } },
  { kernel: rmsNormWeightGrad, dims: normed, attrs: { eps: 1e-5 } },
  { kernel: rotary, dims: (rows) => ({ rows, cols: HEADS * HEAD, half: HEAD / 2 }), attrs: { heads: HEADS } },
  { kernel: swiglu, dims: middle },
  { kernel: swigluGrad, dims: middle },
  { kernel: add, dims: hidden },
  { kernel: addBias, dims: hidden },
  { kernel: multiply, dims: middle },
  { kernel: scaleRows, dims: hidden },
  { kernel: sumRows, dims: hidden },
  { kernel: addVector, dims: () => ({ rows: HIDDEN }) },
  { kernel: sumSquares, dims: () => ({ rows: RANK, cols: MIDDLE, one: 1 }) },
  { kernel: sumSquaresVector, dims: () => ({ rows: HIDDEN, one: 1 }) },
  { kernel: adamw, dims: () => ({ rows: RANK, cols: MIDDLE, hyper: 4 }), ...optimizer },
  { kernel: adamwVector, dims: () => ({ rows: HIDDEN, hyper: 4 }), ...optimizer },
];
