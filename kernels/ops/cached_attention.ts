/**
 * Attention with a key/value cache, for generating: a few queries of several sequences, each over its own past.
 *
 * Keys come in two parts. `past` is large, laid out so that a product reads it in place (`[slots, heads, past, d]`), and
 * stays as it is for many tokens; `fresh` is small and holds the newest rows. No part is copied for the other's sake: the
 * scores of both are joined, not the keys. Which key a query sees follows from places alone, so rows that hold nothing
 * have the place {@linkcode HIDDEN}, and the slots of a batch may be of different lengths.
 * @module
 */
import {
  type Attributes,
  constant,
  float,
  type Kernel,
  type OnnxNode,
  type Sample,
  type SymbolicDims,
} from "../kernel.ts";
import { attentionAttributes } from "./attention.ts";
import { cachedAttentionShaders } from "./_wgsl_cached_attention.ts";

/** Place of a row that no query sees. */
export const HIDDEN = 2 ** 30;

/** Nodes of the mask: `bias` `[slots, 1, queries, past + fresh]`. */
function maskNodes(window: number | null): OnnxNode[] {
  const windowed: OnnxNode[] = window === null ? [{ op: "Identity", in: ["before"], out: ["seen"] }] : [
    { op: "Sub", in: ["at4", "key_at4"], out: ["back"] },
    constant("window64", "i64", window),
    { op: "Cast", in: ["back"], out: ["back64"], attrs: { to: { type: "i64" } } },
    { op: "Less", in: ["back64", "window64"], out: ["near"] },
    { op: "And", in: ["before", "near"], out: ["seen"] },
  ];
  return [
    { op: "Reshape", in: ["at", "slot_query"], out: ["at4"] },
    { op: "Reshape", in: ["fresh_at", "slot_rows"], out: ["fresh_at2"] },
    { op: "Concat", in: ["past_at", "fresh_at2"], out: ["key_at"], attrs: { axis: 1 } },
    constant("middle", "i64", [1, 2]),
    { op: "Unsqueeze", in: ["key_at", "middle"], out: ["key_at4"] },
    { op: "LessOrEqual", in: ["key_at4", "at4"], out: ["before"] },
    ...windowed,
    constant("seen_score", "f32", 0),
    constant("hidden_score", "f32", -1e30),
    { op: "Where", in: ["seen", "seen_score", "hidden_score"], out: ["bias"] },
  ];
}

function onnx(dims: SymbolicDims, attrs: Attributes): OnnxNode[] {
  const { heads, kvHeads, scale, window } = attentionAttributes(attrs), d = dims.qcols! / heads;
  const bySlot = (name: string, rest: readonly number[]): OnnxNode[] => [
    constant(`${name}_rest`, "i64", rest),
    { op: "Concat", in: ["slots", `${name}_rest`], out: [name], attrs: { axis: 0 } },
  ];
  const alpha = float(scale), domain = "com.microsoft" as const;
  return [
    { op: "Shape", in: ["past_k"], out: ["slots"], attrs: { start: 0, end: 1 } },
    { op: "Shape", in: ["past_k"], out: ["past_count"], attrs: { start: 2, end: 3 } },
    ...bySlot("q_split", [-1, kvHeads, heads / kvHeads, d]),
    ...bySlot("q_rows", [kvHeads, -1, d]),
    ...bySlot("kv_split", [-1, kvHeads, d]),
    ...bySlot("o_split", [kvHeads, heads / kvHeads, -1, d]),
    ...bySlot("slot_query", [1, -1, 1]),
    ...bySlot("slot_rows", [-1]),
    ...maskNodes(window),
    { op: "Reshape", in: ["q", "q_split"], out: ["q5"] },
    { op: "Transpose", in: ["q5"], out: ["q5t"], attrs: { perm: [0, 2, 3, 1, 4] } },
    { op: "Reshape", in: ["q5t", "q_rows"], out: ["qh"] },
    { op: "Reshape", in: ["k", "kv_split"], out: ["k4"] },
    { op: "Transpose", in: ["k4"], out: ["kh"], attrs: { perm: [0, 2, 1, 3] } },
    { op: "Reshape", in: ["v", "kv_split"], out: ["v4"] },
    { op: "Transpose", in: ["v4"], out: ["vh"], attrs: { perm: [0, 2, 1, 3] } },
    { op: "FusedMatMul", in: ["qh", "past_k"], out: ["s_past"], attrs: { transB: 1, alpha }, domain },
    { op: "FusedMatMul", in: ["qh", "kh"], out: ["s_fresh"], attrs: { transB: 1, alpha }, domain },
    { op: "Concat", in: ["s_past", "s_fresh"], out: ["s"], attrs: { axis: -1 } },
    { op: "Shape", in: ["s"], out: ["s_shape"] },
    // [slots, kv, group · queries, keys] as [slots, heads, queries, keys], for the mask.
    { op: "Shape", in: ["bias"], out: ["bias_tail"], attrs: { start: 2, end: 4 } },
    constant("head_count", "i64", [heads]),
    { op: "Concat", in: ["slots", "head_count", "bias_tail"], out: ["by_head"], attrs: { axis: 0 } },
    { op: "Reshape", in: ["s", "by_head"], out: ["s_head"] },
    { op: "Add", in: ["s_head", "bias"], out: ["s_masked"] },
    { op: "Softmax", in: ["s_masked"], out: ["p_head"], attrs: { axis: -1 } },
    { op: "Reshape", in: ["p_head", "s_shape"], out: ["p"] },
    constant("start", "i64", [0]),
    constant("end", "i64", [2 ** 40]),
    constant("last", "i64", [-1]),
    { op: "Slice", in: ["p", "start", "past_count", "last"], out: ["p_past"] },
    { op: "Slice", in: ["p", "past_count", "end", "last"], out: ["p_fresh"] },
    { op: "MatMul", in: ["p_past", "past_v"], out: ["o_past"] },
    { op: "MatMul", in: ["p_fresh", "vh"], out: ["o_fresh"] },
    { op: "Add", in: ["o_past", "o_fresh"], out: ["oh"] },
    { op: "Reshape", in: ["oh", "o_split"], out: ["o5"] },
    { op: "Transpose", in: ["o5"], out: ["o5t"], attrs: { perm: [0, 3, 1, 2, 4] } },
    constant("o_flat", "i64", [-1, dims.qcols!]),
    { op: "Reshape", in: ["o5t", "o_flat"], out: ["o"] },
  ];
}

/** Places of a sample's rows: `lengths[s]` tokens of slot s in the past, then its fresh rows, the last `queries` of them new. */
function sample(
  note: string,
  { lengths, past, fresh, queries, heads, kvHeads, d, window, range }: {
    lengths: readonly number[];
    past: number;
    /** Fresh rows of a slot, and how many of them hold something. */
    fresh: readonly [rows: number, used: number];
    queries: number;
    heads: number;
    kvHeads: number;
    d: number;
    window?: number;
    range?: Sample["range"];
  },
): Sample {
  const slots = lengths.length, [rows, used] = fresh;
  const place = (i: number, shown: number) => i < shown ? i : HIDDEN;
  return {
    note,
    dims: {
      rows: slots * queries,
      qcols: heads * d,
      slots,
      heads: kvHeads,
      past,
      d,
      fresh: slots * rows,
      kvcols: kvHeads * d,
    },
    attrs: { heads, kv_heads: kvHeads, scale: 1 / Math.sqrt(d), window: window ?? null },
    data: {
      past_at: lengths.flatMap((n) => Array.from({ length: past }, (_, i) => place(i, n))),
      fresh_at: lengths.flatMap((n) => Array.from({ length: rows }, (_, i) => place(n + i, n + used))),
      at: lengths.flatMap((n) => Array.from({ length: queries }, (_, i) => n + used - queries + i)),
    },
    ...(range ? { range } : {}),
  };
}

/**
 * `o = softmax(scale · q kᵀ) v` per head over the keys that a query sees: those of its slot at a place ≤ its own, and less
 * than `window` before it. `q` and `at` hold as many rows of every slot, slot by slot (`[rows, heads · d]`), `k`, `v` and
 * `fresh_at` likewise (`[fresh, kv_heads · d]`). Attributes as of `attention`. Every query must see a key; keys and values
 * of hidden rows must be finite.
 */
export const cachedAttention: Kernel = {
  name: "cached_attention",
  inputs: {
    q: ["rows", "qcols"],
    past_k: ["slots", "heads", "past", "d"],
    past_v: ["slots", "heads", "past", "d"],
    k: ["fresh", "kvcols"],
    v: ["fresh", "kvcols"],
    at: ["rows"],
    past_at: ["slots", "past"],
    fresh_at: ["fresh"],
  },
  outputs: { o: ["rows", "qcols"] },
  integers: ["at", "past_at", "fresh_at"],
  reference: (
    { q, past_k, past_v, k, v, at, past_at, fresh_at },
    { rows, qcols, slots, past, fresh, kvcols },
    attrs,
  ) => {
    const { heads, kvHeads, scale, window } = attentionAttributes(attrs), d = qcols! / heads;
    const o = new Float64Array(rows! * qcols!);
    const queries = rows! / slots!, more = fresh! / slots!;
    const seen = (i: number, j: number) => j <= i && (window === null || i - j < window);
    for (let row = 0; row < rows!; row++) {
      const slot = Math.floor(row / queries);
      for (let h = 0; h < heads; h++) {
        const kv = Math.floor(h / (heads / kvHeads));
        const keys: { k: Float64Array; v: Float64Array; start: number }[] = [];
        for (let j = 0; j < past!; j++) {
          if (!seen(at![row]!, past_at![slot * past! + j]!)) continue;
          keys.push({ k: past_k!, v: past_v!, start: ((slot * kvHeads + kv) * past! + j) * d });
        }
        for (let j = slot * more; j < (slot + 1) * more; j++) {
          if (seen(at![row]!, fresh_at![j]!)) keys.push({ k: k!, v: v!, start: j * kvcols! + kv * d });
        }
        const scores = keys.map((key) => {
          let s = 0;
          for (let c = 0; c < d; c++) s += q![row * qcols! + h * d + c]! * key.k[key.start + c]!;
          return s * scale;
        });
        const max = scores.reduce((a, b) => Math.max(a, b), -Infinity);
        const sum = scores.reduce((a, b) => a + Math.exp(b - max), 0);
        keys.forEach((key, i) => {
          const p = Math.exp(scores[i]! - max) / sum;
          for (let c = 0; c < d; c++) o[row * qcols! + h * d + c]! += p * key.v[key.start + c]!;
        });
      }
    }
    return { o };
  },
  onnx,
  wgsl: (dims, attrs) => cachedAttentionShaders(dims, attentionAttributes(attrs)),
  grad: null,
  samples: [
    sample("nothing in the past", {
      lengths: [0],
      past: 1,
      fresh: [1, 1],
      queries: 1,
      heads: 1,
      kvHeads: 1,
      d: 2,
    }),
    sample("one token of each of three sequences", {
      lengths: [5, 0, 3],
      past: 5,
      fresh: [4, 2],
      queries: 1,
      heads: 4,
      kvHeads: 2,
      d: 3,
    }),
    sample("a chunk of a prompt", {
      lengths: [6],
      past: 8,
      fresh: [7, 7],
      queries: 7,
      heads: 3,
      kvHeads: 1,
      d: 4,
    }),
    sample("a sliding window over both parts", {
      lengths: [9, 4],
      past: 9,
      fresh: [6, 5],
      queries: 2,
      heads: 2,
      kvHeads: 1,
      d: 2,
      window: 4,
    }),
    sample("more keys than a workgroup, a head wider than one", {
      lengths: [150, 131],
      past: 160,
      fresh: [70, 67],
      queries: 3,
      heads: 2,
      kvHeads: 2,
      d: 72,
    }),
    sample("large scores", {
      lengths: [6],
      past: 6,
      fresh: [3, 3],
      queries: 3,
      heads: 2,
      kvHeads: 1,
      d: 4,
      range: { q: [-40, 40], past_k: [-40, 40], k: [-40, 40] },
    }),
  ],
  tolerance: { atol: 1e-5, rtol: 1e-5 },
};
