/**
 * Nodes that attention and its gradient share in ONNX: chunks of queries, their bounds, weights and layouts.
 *
 * `sharing` are the query heads that share a key head, `c` the queries of a chunk, `d` the columns of a head, `n` the keys that a
 * chunk sees. Queries are laid out by heads, `[kv, sharing, …, d]`, once before the loop; keys as `[kv, 1, …, d]`, so that a product
 * is one for each head (threads share nine evenly where they didn't share three) and the heads that share keys read the same ones.
 * @module
 */
import { type Attributes, fixedSizes, type SymbolicDims } from "../kernel.ts";
import { constantNode, floatAttribute, type OnnxNode, type OnnxSubgraph } from "../onnx_node.ts";
import { attentionAttributes } from "./_attention.ts";

/** Most queries of one chunk. 256 made the pass named above 8 % slower: smaller chunks skip more of the triangle. */
export const QUERY_CHUNK = 128;

/**
 * Nodes before the loop: keys `kh` and values `vh` `[kv, 1, T, d]`, queries `qh` `[kv, sharing, queries, d]`, indices, and chunks of
 * one size `c`: `trips` of them, which begin `over` (< `trips`) rows before the first query.
 */
export function attentionSetup(dims: SymbolicDims<"qcols" | "kvcols">, attrs: Attributes): OnnxNode[] {
  const { heads, kvHeads } = attentionAttributes(attrs),
    { qcols, kvcols } = fixedSizes(dims, "qcols", "kvcols");
  const d = qcols / heads;
  return [
    constantNode("zero", "i64", [0]),
    constantNode("one", "i64", [1]),
    constantNode("kv_split", "i64", [-1, kvHeads, 1, d]),
    constantNode("q_split", "i64", [-1, kvHeads, heads / kvHeads, d]),
    constantNode("q_flat", "i64", [-1, qcols]),
    constantNode("kv_flat", "i64", [-1, kvcols]),
    constantNode("one_score", "f32", 1),
    constantNode("hidden_score", "f32", 1e30),
    ...byHeads("k", "kh", "kv_split"),
    ...byHeads("v", "vh", "kv_split"),
    ...byHeads("q", "qh", "q_split"),
    { op: "Shape", in: ["q"], out: ["queries"], attrs: { start: 0, end: 1 } },
    { op: "Shape", in: ["k"], out: ["rows"], attrs: { start: 0, end: 1 } },
    { op: "Sub", in: ["rows", "queries"], out: ["offset"] },
    { op: "Squeeze", in: ["rows", "zero"], out: ["rows0"] },
    constantNode("zero0", "i64", 0),
    constantNode("one0", "i64", 1),
    { op: "Range", in: ["zero0", "rows0", "one0"], out: ["index"] },
    { op: "Cast", in: ["until"], out: ["until64"], attrs: { to: { type: "i64" } } },
  ];
}

/** Rows `[T, heads · d]` by heads, `[kv, sharing, T, d]`. */
export function byHeads(from: string, to: string, split = "q_split"): OnnxNode[] {
  return [
    { op: "Reshape", in: [from, split], out: [`${to}_split`] },
    { op: "Transpose", in: [`${to}_split`], out: [to], attrs: { perm: [1, 2, 0, 3] } },
  ];
}

/** Nodes before a loop: the number of chunks, their size, and the rows that the first begins before the first query. */
export function chunkSizes(): OnnxNode[] {
  return [
    constantNode("chunk", "i64", [QUERY_CHUNK]),
    { op: "Add", in: ["queries", "chunk"], out: ["q_plus"] },
    { op: "Sub", in: ["q_plus", "one"], out: ["q_last"] },
    { op: "Div", in: ["q_last", "chunk"], out: ["trips"] },
    { op: "Squeeze", in: ["trips", "zero"], out: ["trips0"] },
    { op: "Add", in: ["queries", "trips"], out: ["c_plus"] },
    { op: "Sub", in: ["c_plus", "one"], out: ["c_last"] },
    { op: "Div", in: ["c_last", "trips"], out: ["c"] },
    { op: "Mul", in: ["c", "trips"], out: ["covered"] },
    { op: "Sub", in: ["covered", "queries"], out: ["over"] },
    { op: "Squeeze", in: ["c", "zero"], out: ["c0"] },
    { op: "Range", in: ["zero0", "c0", "one0"], out: ["steps"] },
  ];
}

/**
 * Nodes inside the loop: rows `a`…`b` of the queries, `picked` of them (row 0 stands for those before it), their indices `qi` and
 * `qp`, and the keys that any of them sees, in order: indices `kj`, ends of their subtrees `uj`, and `gathered` of keys, values and the like.
 * Branches that lie between are left out, so that a query's chunk costs what it sees.
 * @param gathered Tensors `[kv, any, T, any]` by the names of their chosen rows.
 */
export function chunkBounds(gathered: Readonly<Record<string, string>>): OnnxNode[] {
  return [
    { op: "Unsqueeze", in: ["iteration", "zero"], out: ["it"] },
    { op: "Mul", in: ["it", "c"], out: ["begin"] },
    { op: "Sub", in: ["begin", "over"], out: ["a"] },
    { op: "Add", in: ["steps", "a"], out: ["wanted_rows"] },
    { op: "Max", in: ["wanted_rows", "zero"], out: ["picked"] },
    { op: "Gather", in: ["qh", "picked"], out: ["qc"], attrs: { axis: 2 } },
    { op: "Add", in: ["wanted_rows", "offset"], out: ["qi"] },
    { op: "Add", in: ["picked", "offset"], out: ["qp"] },
    { op: "Add", in: ["a", "offset"], out: ["ag"] },
    { op: "Add", in: ["ag", "c"], out: ["bg"] },
    { op: "Slice", in: ["until64", "zero", "bg", "zero"], out: ["ends"] },
    { op: "Greater", in: ["ends", "ag"], out: ["alive"] },
    { op: "NonZero", in: ["alive"], out: ["alive_at"] },
    { op: "Squeeze", in: ["alive_at", "zero"], out: ["kj"] },
    { op: "Gather", in: ["until64", "kj"], out: ["uj"], attrs: { axis: 0 } },
    ...Object.entries(gathered).map(([to, from]): OnnxNode => ({
      op: "Gather",
      in: [from, "kj"],
      out: [to],
      attrs: { axis: 2 },
    })),
  ];
}

/** The same for all queries and all keys as one chunk. */
export function wholeBounds(gathered: Readonly<Record<string, string>>): OnnxNode[] {
  const from = { qc: "qh", kj: "index", uj: "until64", ...gathered };
  return [
    ...Object.entries(from).map(([to, name]) => ({ op: "Identity", in: [name], out: [to] })),
    { op: "Slice", in: ["index", "offset", "rows", "zero"], out: ["qi"] },
    { op: "Identity", in: ["qi"], out: ["qp"] },
  ];
}

/** A loop over chunks. */
export interface ChunkLoop {
  /** Tensors that go from round to round, from `NAME_before` to `NAME_after`. */
  carried: readonly { name: string; rank: number; first: string; last: string }[];
  /** Tensor `[kv, sharing, c, d]` of each round, and the name of its rows `[queries, heads · d]` behind the loop. */
  rows: { from: string; to: string };
  /** See {@linkcode chunkBounds}. */
  gathered: Readonly<Record<string, string>>;
  nodes: readonly OnnxNode[];
}

/** Nodes of a loop, behind {@linkcode chunkSizes}, and of what it gives; `first` and `last` name each carried tensor before and behind it. */
export function chunkLoop({ carried, rows: { from, to }, gathered, nodes }: ChunkLoop): OnnxNode[] {
  const floats = (suffix: string) =>
    carried.map(({ name, rank }) => ({ name: name + suffix, type: "f32" as const, rank }));
  const graph: OnnxSubgraph = {
    inputs: [
      { name: "iteration", type: "i64", rank: 0 },
      { name: "going", type: "bool", rank: 0 },
      ...floats("_before"),
    ],
    nodes: [...chunkBounds(gathered), ...nodes, { op: "Identity", in: ["going"], out: ["go_on"] }],
    outputs: [
      { name: "go_on", type: "bool", rank: 0 },
      ...floats("_after"),
      { name: from, type: "f32", rank: 4 },
    ],
  };
  return [
    {
      op: "Loop",
      in: ["trips0", "", ...carried.map(({ first }) => first)],
      out: [...carried.map(({ last }) => last), `${to}_chunks`],
      attrs: { body: { graph } },
    },
    { op: "Transpose", in: [`${to}_chunks`], out: [`${to}_t`], attrs: { perm: [0, 3, 1, 2, 4] } },
    { op: "Reshape", in: [`${to}_t`, "q_flat"], out: [`${to}_over`] },
    { op: "Slice", in: [`${to}_over`, "over", "covered", "zero"], out: [to] },
  ];
}

/** Nodes of a chunk, from its queries `qc` and keys `kc [kv, 1, n, d]`: weights `p` `[kv, sharing, c, n]`. */
export function attentionChunk(attrs: Attributes): OnnxNode[] {
  const { scale, window } = attentionAttributes(attrs);
  const windowed: OnnxNode[] = window === null ? [{ op: "Identity", in: ["open"], out: ["seen"] }] : [
    { op: "Gather", in: ["positions", "qp"], out: ["pq"], attrs: { axis: 0 } },
    { op: "Unsqueeze", in: ["pq", "one"], out: ["pq1"] },
    { op: "Gather", in: ["positions", "kj"], out: ["pk"], attrs: { axis: 0 } },
    { op: "Sub", in: ["pq1", "pk"], out: ["back"] },
    constantNode("window64", "i64", window),
    { op: "Cast", in: ["back"], out: ["back64"], attrs: { to: { type: "i64" } } },
    { op: "Less", in: ["back64", "window64"], out: ["near"] },
    { op: "And", in: ["open", "near"], out: ["seen"] },
  ];
  return [
    {
      op: "FusedMatMul",
      in: ["qc", "kc"],
      out: ["s"],
      attrs: { alpha: floatAttribute(scale), transB: 1 },
      domain: "com.microsoft",
    },
    { op: "Unsqueeze", in: ["qi", "one"], out: ["qi1"] },
    { op: "LessOrEqual", in: ["kj", "qi1"], out: ["causal"] },
    { op: "Less", in: ["qi1", "uj"], out: ["inside"] },
    { op: "And", in: ["causal", "inside"], out: ["open"] },
    ...windowed,
    // (seen − 1) · 1e30: a third of the time that Where takes on a CPU.
    { op: "Cast", in: ["seen"], out: ["seen_score"], attrs: { to: { type: "f32" } } },
    { op: "Sub", in: ["seen_score", "one_score"], out: ["unseen"] },
    { op: "Mul", in: ["unseen", "hidden_score"], out: ["bias"] },
    { op: "Add", in: ["s", "bias"], out: ["sb"] },
    { op: "Softmax", in: ["sb"], out: ["p"], attrs: { axis: -1 } },
  ];
}

/** All queries' `[kv, sharing, queries, d]` as rows `[queries, heads · d]`. */
export function byRows(from: string, to: string): OnnxNode[] {
  return [
    { op: "Transpose", in: [from], out: [`${to}_t`], attrs: { perm: [2, 0, 1, 3] } },
    { op: "Reshape", in: [`${to}_t`, "q_flat"], out: [to] },
  ];
}
