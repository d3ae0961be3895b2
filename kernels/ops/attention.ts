/**
 * Attention over a prefix tree (architecture idea 2): token i sees token j iff j ≤ i and i < until[j].
 *
 * The lowering for a CPU loops over chunks of queries and, for each, slices the keys from the first visible one to the last
 * query, so keys behind a chunk (the causal triangle) and of earlier packed examples are skipped and no `[T, T]` matrix exists.
 * Branches of the same tree that lie between are computed and masked. A GPU takes all queries as one chunk and all keys.
 * Tried on 2 cores, forward and backward of SmolLM2 over four IOPO quadruples (352 to 824 rows): one chunk for all queries (dense
 * `[heads, T, T]`) makes the whole pass 16 % slower.
 * @module
 */
import {
  type Attributes,
  constant,
  float,
  type Kernel,
  number,
  type OnnxNode,
  type OnnxSubgraph,
  type SymbolicDims,
} from "../kernel.ts";
import { attentionGrad } from "./attention_grad.ts";
import { attentionSamples } from "./_attention_samples.ts";
import { attentionShaders } from "./_wgsl_attention.ts";

/** Queries of one chunk. 256 made the pass named above 8 % slower: smaller chunks skip more of the triangle. */
export const CHUNK = 128;

/** Whether query i (index among the rows) sees key j. */
export function visible(
  i: number,
  j: number,
  until: Float64Array,
  positions: Float64Array,
  window: number | null,
): boolean {
  return j <= i && i < until[j]! && (window === null || positions[i]! - positions[j]! < window);
}

/** Softmax weights of query row i (index among the rows) of head h; zero where not visible. */
export function attentionRow(
  q: Float64Array,
  k: Float64Array,
  row: number,
  i: number,
  head: number,
  at: {
    rows: number;
    qcols: number;
    kvcols: number;
    heads: number;
    kvHeads: number;
    scale: number;
    window: number | null;
  },
  until: Float64Array,
  positions: Float64Array,
): Float64Array {
  const d = at.qcols / at.heads, kv = Math.floor(head / (at.heads / at.kvHeads));
  const p = new Float64Array(at.rows).fill(-Infinity);
  let max = -Infinity;
  for (let j = 0; j <= i; j++) {
    if (!visible(i, j, until, positions, at.window)) continue;
    let s = 0;
    for (let c = 0; c < d; c++) s += q[row * at.qcols + head * d + c]! * k[j * at.kvcols + kv * d + c]!;
    p[j] = s * at.scale;
    max = Math.max(max, p[j]!);
  }
  let sum = 0;
  for (let j = 0; j < at.rows; j++) sum += p[j] = Math.exp(p[j]! - max);
  return p.map((v) => v / sum);
}

/** Attributes as numbers. */
export function attentionAttributes(attrs: Attributes) {
  const window = attrs.window ?? null;
  return {
    heads: number(attrs, "heads"),
    kvHeads: number(attrs, "kv_heads"),
    scale: number(attrs, "scale"),
    window: typeof window === "number" ? window : null,
  };
}

/** Nodes before the loop: keys `kT [kv, d, T]`, values `vh [kv, T, d]`, indices, number of chunks, offset of the queries. */
export function attentionSetup(dims: SymbolicDims, attrs: Attributes): OnnxNode[] {
  const { heads, kvHeads } = attentionAttributes(attrs), d = dims.qcols! / heads;
  return [
    constant("zero", "i64", [0]),
    constant("one", "i64", [1]),
    constant("two", "i64", [2]),
    constant("chunk", "i64", [CHUNK]),
    constant("kv_split", "i64", [-1, kvHeads, d]),
    constant("q_split", "i64", [-1, kvHeads, heads / kvHeads, d]),
    constant("q_rows", "i64", [kvHeads, -1, d]),
    constant("q_heads", "i64", [kvHeads, heads / kvHeads, -1, d]),
    constant("q_flat", "i64", [-1, dims.qcols!]),
    constant("kv_flat", "i64", [-1, dims.kvcols!]),
    constant("head_count", "i64", [heads]),
    constant("hidden_score", "f32", -1e30),
    constant("seen_score", "f32", 0),
    { op: "Reshape", in: ["k", "kv_split"], out: ["k3"] },
    { op: "Transpose", in: ["k3"], out: ["kT"], attrs: { perm: [1, 2, 0] } },
    { op: "Reshape", in: ["v", "kv_split"], out: ["v3"] },
    { op: "Transpose", in: ["v3"], out: ["vh"], attrs: { perm: [1, 0, 2] } },
    { op: "Shape", in: ["q"], out: ["queries"], attrs: { start: 0, end: 1 } },
    { op: "Shape", in: ["k"], out: ["rows"], attrs: { start: 0, end: 1 } },
    { op: "Sub", in: ["rows", "queries"], out: ["offset"] },
    { op: "Squeeze", in: ["rows", "zero"], out: ["rows0"] },
    constant("zero0", "i64", 0),
    constant("one0", "i64", 1),
    { op: "Range", in: ["zero0", "rows0", "one0"], out: ["index"] },
    { op: "Cast", in: ["until"], out: ["until64"], attrs: { to: { type: "i64" } } },
    { op: "Add", in: ["queries", "chunk"], out: ["q_plus"] },
    { op: "Sub", in: ["q_plus", "one"], out: ["q_last"] },
    { op: "Div", in: ["q_last", "chunk"], out: ["trips"] },
    { op: "Squeeze", in: ["trips", "zero"], out: ["trips0"] },
  ];
}

/** Nodes inside the loop: rows `a`…`b` of the queries, their indices `ag`…`bg`, and `lo`, the first key that one of them sees. */
export function chunkBounds(): OnnxNode[] {
  return [
    { op: "Unsqueeze", in: ["iteration", "zero"], out: ["it"] },
    { op: "Mul", in: ["it", "chunk"], out: ["a"] },
    { op: "Add", in: ["a", "chunk"], out: ["b_full"] },
    { op: "Min", in: ["b_full", "queries"], out: ["b"] },
    { op: "Add", in: ["a", "offset"], out: ["ag"] },
    { op: "Add", in: ["b", "offset"], out: ["bg"] },
    { op: "Greater", in: ["until64", "ag"], out: ["alive"] },
    { op: "Cast", in: ["alive"], out: ["alive32"], attrs: { to: { type: "i32" } } },
    { op: "ArgMax", in: ["alive32"], out: ["lo"], attrs: { axis: 0, keepdims: 1 } },
  ];
}

/** The same bounds for all queries and all keys as one chunk. */
export function wholeBounds(): OnnxNode[] {
  const from = { a: "zero", b: "queries", ag: "offset", bg: "rows", lo: "zero" };
  return Object.entries(from).map(([to, name]) => ({ op: "Identity", in: [name], out: [to] }));
}

/** A loop over chunks that carries tensors `[name, rank]` from `NAME_before` to `NAME_after`; `given` are the first ones. */
export function chunkLoop(
  carried: readonly (readonly [name: string, rank: number])[],
  given: readonly string[],
  out: readonly string[],
  nodes: readonly OnnxNode[],
): OnnxNode {
  const floats = (suffix: string) =>
    carried.map(([name, rank]) => ({ name: name + suffix, type: "f32" as const, rank }));
  const graph: OnnxSubgraph = {
    inputs: [
      { name: "iteration", type: "i64", rank: 0 },
      { name: "going", type: "bool", rank: 0 },
      ...floats("_before"),
    ],
    nodes: [...chunkBounds(), ...nodes, { op: "Identity", in: ["going"], out: ["go_on"] }],
    outputs: [{ name: "go_on", type: "bool", rank: 0 }, ...floats("_after")],
  };
  return { op: "Loop", in: ["trips0", "", ...given], out, attrs: { body: { graph } } };
}

/** Nodes of a chunk: queries `qh [kv, group · c, d]`, slices `kc`, `vc`, weights `p3`. */
export function attentionChunk(attrs: Attributes): OnnxNode[] {
  const { scale, window } = attentionAttributes(attrs);
  const windowed: OnnxNode[] = window === null ? [{ op: "Identity", in: ["open"], out: ["seen"] }] : [
    { op: "Slice", in: ["positions", "ag", "bg", "zero"], out: ["pq"] },
    { op: "Unsqueeze", in: ["pq", "one"], out: ["pq1"] },
    { op: "Slice", in: ["positions", "lo", "bg", "zero"], out: ["pk"] },
    { op: "Sub", in: ["pq1", "pk"], out: ["back"] },
    constant("window64", "i64", window),
    { op: "Cast", in: ["back"], out: ["back64"], attrs: { to: { type: "i64" } } },
    { op: "Less", in: ["back64", "window64"], out: ["near"] },
    { op: "And", in: ["open", "near"], out: ["seen"] },
  ];
  return [
    ...queryChunk("q", "qh"),
    { op: "Slice", in: ["kT", "lo", "bg", "two"], out: ["kc"] },
    { op: "Slice", in: ["vh", "lo", "bg", "one"], out: ["vc"] },
    {
      op: "FusedMatMul",
      in: ["qh", "kc"],
      out: ["s"],
      attrs: { alpha: float(scale) },
      domain: "com.microsoft",
    },
    { op: "Slice", in: ["index", "ag", "bg", "zero"], out: ["qi"] },
    { op: "Unsqueeze", in: ["qi", "one"], out: ["qi1"] },
    { op: "Slice", in: ["index", "lo", "bg", "zero"], out: ["kj"] },
    { op: "Slice", in: ["until64", "lo", "bg", "zero"], out: ["uj"] },
    { op: "LessOrEqual", in: ["kj", "qi1"], out: ["causal"] },
    { op: "Less", in: ["qi1", "uj"], out: ["inside"] },
    { op: "And", in: ["causal", "inside"], out: ["open"] },
    ...windowed,
    { op: "Where", in: ["seen", "seen_score", "hidden_score"], out: ["bias"] },
    { op: "Shape", in: ["bias"], out: ["cn"] },
    { op: "Concat", in: ["head_count", "cn"], out: ["hcn"], attrs: { axis: 0 } },
    { op: "Reshape", in: ["s", "hcn"], out: ["s3"] },
    { op: "Add", in: ["s3", "bias"], out: ["sb"] },
    { op: "Softmax", in: ["sb"], out: ["p"], attrs: { axis: -1 } },
    { op: "Shape", in: ["s"], out: ["s_shape"] },
    { op: "Reshape", in: ["p", "s_shape"], out: ["p3"] },
  ];
}

/** A chunk `[c, heads · d]` of rows as `[kv, group · c, d]`. */
export function queryChunk(from: string, to: string): OnnxNode[] {
  return [
    { op: "Slice", in: [from, "a", "b", "zero"], out: [`${to}_rows`] },
    { op: "Reshape", in: [`${to}_rows`, "q_split"], out: [`${to}_split`] },
    { op: "Transpose", in: [`${to}_split`], out: [`${to}_t`], attrs: { perm: [1, 2, 0, 3] } },
    { op: "Reshape", in: [`${to}_t`, "q_rows"], out: [to] },
  ];
}

/** Back from `[kv, group · c, d]` to `[c, heads · d]`. */
export function queryRows(from: string, to: string): OnnxNode[] {
  return [
    { op: "Reshape", in: [from, "q_heads"], out: [`${to}_heads`] },
    { op: "Transpose", in: [`${to}_heads`], out: [`${to}_t`], attrs: { perm: [2, 0, 1, 3] } },
    { op: "Reshape", in: [`${to}_t`, "q_flat"], out: [to] },
  ];
}

/**
 * `o = softmax(scale · q kᵀ) v` per head over visible tokens; `q` `[queries, heads · d]` are the last rows of `rows`,
 * `k`, `v` `[rows, kv_heads · d]`; `until` (exclusive end of a token's subtree) and `positions` (depth) are `[rows]`.
 * Attributes `heads`, `kv_heads` (divides heads), `scale`, `window` (tokens seen back, itself included; null: all).
 */
export const attention: Kernel = {
  name: "attention",
  inputs: {
    q: ["queries", "qcols"],
    k: ["rows", "kvcols"],
    v: ["rows", "kvcols"],
    until: ["rows"],
    positions: ["rows"],
  },
  outputs: { o: ["queries", "qcols"] },
  integers: ["until", "positions"],
  reference: ({ q, k, v, until, positions }, { queries, rows, qcols, kvcols }, attrs) => {
    const at = { rows: rows!, qcols: qcols!, kvcols: kvcols!, ...attentionAttributes(attrs) };
    const d = qcols! / at.heads, o = new Float64Array(q!.length);
    for (let row = 0; row < queries!; row++) {
      const i = row + rows! - queries!;
      for (let h = 0; h < at.heads; h++) {
        const p = attentionRow(q!, k!, row, i, h, at, until!, positions!);
        const kv = Math.floor(h / (at.heads / at.kvHeads));
        for (let j = 0; j <= i; j++) {
          for (let c = 0; c < d; c++) o[row * qcols! + h * d + c]! += p[j]! * v![j * kvcols! + kv * d + c]!;
        }
      }
    }
    return { o };
  },
  onnx: (dims, attrs, { loops }) => {
    const chunk = (out: string): OnnxNode[] => [
      ...attentionChunk(attrs),
      { op: "MatMul", in: ["p3", "vc"], out: ["oh"] },
      ...queryRows("oh", out),
    ];
    if (!loops) return [...attentionSetup(dims, attrs), ...wholeBounds(), ...chunk("o")];
    return [
      ...attentionSetup(dims, attrs),
      constant("none", "f32", []),
      constant("none_shape", "i64", [0, dims.qcols!]),
      { op: "Reshape", in: ["none", "none_shape"], out: ["o0"], attrs: { allowzero: 1 } },
      chunkLoop([["o", 2]], ["o0"], ["o"], [
        ...chunk("oc"),
        { op: "Concat", in: ["o_before", "oc"], out: ["o_after"], attrs: { axis: 0 } },
      ]),
    ];
  },
  wgsl: ({ queries, rows, qcols, kvcols }, attrs, limits) =>
    attentionShaders({
      queries: queries!,
      rows: rows!,
      qcols: qcols!,
      kvcols: kvcols!,
      ...attentionAttributes(attrs),
    }, limits),
  grad: (g, { inputs, outputs, gradients, attrs }) => {
    const { q, k, v, until, positions } = inputs;
    const grads = g.run(attentionGrad, {
      q: q!,
      k: k!,
      v: v!,
      o: outputs.o!,
      do: gradients.o!,
      until: until!,
      positions: positions!,
    }, attrs);
    return { q: grads.dq!, k: grads.dk!, v: grads.dv! };
  },
  samples: attentionSamples,
  tolerance: { atol: 1e-5, rtol: 1e-5 },
};
