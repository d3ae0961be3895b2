/**
 * Nodes that attention and its gradient share in ONNX: chunks of queries, their bounds, weights and layouts.
 *
 * `sharing` are the query heads that share a key head, `c` the queries of a chunk, `d` the columns of a head.
 * @module
 */
import { type Attributes, fixedSizes, type SymbolicDims } from "../kernel.ts";
import { constantNode, floatAttribute, type OnnxNode, type OnnxSubgraph } from "../onnx_node.ts";
import { attentionAttributes } from "./_attention.ts";

/** Queries of one chunk. 256 made the pass named above 8 % slower: smaller chunks skip more of the triangle. */
export const QUERY_CHUNK = 128;

/** Nodes before the loop: keys `kh` and values `vh` `[kv, T, d]`, indices, number of chunks, offset of the queries. */
export function attentionSetup(dims: SymbolicDims<"qcols" | "kvcols">, attrs: Attributes): OnnxNode[] {
  const { heads, kvHeads } = attentionAttributes(attrs),
    { qcols, kvcols } = fixedSizes(dims, "qcols", "kvcols");
  const d = qcols / heads;
  return [
    constantNode("zero", "i64", [0]),
    constantNode("one", "i64", [1]),
    constantNode("chunk", "i64", [QUERY_CHUNK]),
    constantNode("kv_split", "i64", [-1, kvHeads, d]),
    constantNode("q_split", "i64", [-1, kvHeads, heads / kvHeads, d]),
    constantNode("q_rows", "i64", [kvHeads, -1, d]),
    constantNode("q_heads", "i64", [kvHeads, heads / kvHeads, -1, d]),
    constantNode("q_flat", "i64", [-1, qcols]),
    constantNode("kv_flat", "i64", [-1, kvcols]),
    constantNode("head_count", "i64", [heads]),
    constantNode("hidden_score", "f32", -1e30),
    constantNode("seen_score", "f32", 0),
    { op: "Reshape", in: ["k", "kv_split"], out: ["k3"] },
    { op: "Transpose", in: ["k3"], out: ["kh"], attrs: { perm: [1, 0, 2] } },
    { op: "Reshape", in: ["v", "kv_split"], out: ["v3"] },
    { op: "Transpose", in: ["v3"], out: ["vh"], attrs: { perm: [1, 0, 2] } },
    { op: "Shape", in: ["q"], out: ["queries"], attrs: { start: 0, end: 1 } },
    { op: "Shape", in: ["k"], out: ["rows"], attrs: { start: 0, end: 1 } },
    { op: "Sub", in: ["rows", "queries"], out: ["offset"] },
    { op: "Squeeze", in: ["rows", "zero"], out: ["rows0"] },
    constantNode("zero0", "i64", 0),
    constantNode("one0", "i64", 1),
    { op: "Range", in: ["zero0", "rows0", "one0"], out: ["index"] },
    { op: "Cast", in: ["until"], out: ["until64"], attrs: { to: { type: "i64" } } },
    { op: "Add", in: ["queries", "chunk"], out: ["q_plus"] },
    { op: "Sub", in: ["q_plus", "one"], out: ["q_last"] },
    { op: "Div", in: ["q_last", "chunk"], out: ["trips"] },
    { op: "Squeeze", in: ["trips", "zero"], out: ["trips0"] },
  ];
}

/**
 * Nodes inside the loop: rows `a`…`b` of the queries, their indices `ag`…`bg`, and the keys that any of them sees, in order:
 * indices `kj`, ends of their subtrees `uj`, and `gathered` of keys, values and the like. Branches that lie between are left out,
 * so that a query's chunk costs what it sees.
 * @param gathered Tensors `[kv, T, any]` by the names of their chosen rows.
 */
export function chunkBounds(gathered: Readonly<Record<string, string>>): OnnxNode[] {
  return [
    { op: "Unsqueeze", in: ["iteration", "zero"], out: ["it"] },
    { op: "Mul", in: ["it", "chunk"], out: ["a"] },
    { op: "Add", in: ["a", "chunk"], out: ["b_full"] },
    { op: "Min", in: ["b_full", "queries"], out: ["b"] },
    { op: "Add", in: ["a", "offset"], out: ["ag"] },
    { op: "Add", in: ["b", "offset"], out: ["bg"] },
    { op: "Slice", in: ["until64", "zero", "bg", "zero"], out: ["ends"] },
    { op: "Greater", in: ["ends", "ag"], out: ["alive"] },
    { op: "NonZero", in: ["alive"], out: ["alive_at"] },
    { op: "Squeeze", in: ["alive_at", "zero"], out: ["kj"] },
    { op: "Gather", in: ["until64", "kj"], out: ["uj"], attrs: { axis: 0 } },
    ...Object.entries(gathered).map(([to, from]): OnnxNode => ({
      op: "Gather",
      in: [from, "kj"],
      out: [to],
      attrs: { axis: 1 },
    })),
  ];
}

/** The same for all queries and all keys as one chunk. */
export function wholeBounds(gathered: Readonly<Record<string, string>>): OnnxNode[] {
  const from = {
    a: "zero",
    b: "queries",
    ag: "offset",
    bg: "rows",
    kj: "index",
    uj: "until64",
    ...gathered,
  };
  return Object.entries(from).map(([to, name]) => ({ op: "Identity", in: [name], out: [to] }));
}

/** A loop over chunks. */
export interface ChunkLoop {
  /** Tensors that go from round to round, from `NAME_before` to `NAME_after`. */
  carried: readonly { name: string; rank: number; first: string; last: string }[];
  /** See {@linkcode chunkBounds}. */
  gathered: Readonly<Record<string, string>>;
  nodes: readonly OnnxNode[];
}

/** The node of a loop; `first` and `last` name each carried tensor before and behind it. */
export function chunkLoop({ carried, gathered, nodes }: ChunkLoop): OnnxNode {
  const floats = (suffix: string) =>
    carried.map(({ name, rank }) => ({ name: name + suffix, type: "f32" as const, rank }));
  const graph: OnnxSubgraph = {
    inputs: [
      { name: "iteration", type: "i64", rank: 0 },
      { name: "going", type: "bool", rank: 0 },
      ...floats("_before"),
    ],
    nodes: [...chunkBounds(gathered), ...nodes, { op: "Identity", in: ["going"], out: ["go_on"] }],
    outputs: [{ name: "go_on", type: "bool", rank: 0 }, ...floats("_after")],
  };
  return {
    op: "Loop",
    in: ["trips0", "", ...carried.map(({ first }) => first)],
    out: carried.map(({ last }) => last),
    attrs: { body: { graph } },
  };
}

/** Nodes of a chunk, from its keys `kc [kv, n, d]`: queries `qh [kv, sharing · c, d]` and weights `p3`. */
export function attentionChunk(attrs: Attributes): OnnxNode[] {
  const { scale, window } = attentionAttributes(attrs);
  const windowed: OnnxNode[] = window === null ? [{ op: "Identity", in: ["open"], out: ["seen"] }] : [
    { op: "Slice", in: ["positions", "ag", "bg", "zero"], out: ["pq"] },
    { op: "Unsqueeze", in: ["pq", "one"], out: ["pq1"] },
    { op: "Gather", in: ["positions", "kj"], out: ["pk"], attrs: { axis: 0 } },
    { op: "Sub", in: ["pq1", "pk"], out: ["back"] },
    constantNode("window64", "i64", window),
    { op: "Cast", in: ["back"], out: ["back64"], attrs: { to: { type: "i64" } } },
    { op: "Less", in: ["back64", "window64"], out: ["near"] },
    { op: "And", in: ["open", "near"], out: ["seen"] },
  ];
  return [
    ...queryChunk("q", "qh"),
    {
      op: "FusedMatMul",
      in: ["qh", "kc"],
      out: ["s"],
      attrs: { alpha: floatAttribute(scale), transB: 1 },
      domain: "com.microsoft",
    },
    { op: "Slice", in: ["index", "ag", "bg", "zero"], out: ["qi"] },
    { op: "Unsqueeze", in: ["qi", "one"], out: ["qi1"] },
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

/** A chunk `[c, heads · d]` of rows as `[kv, sharing · c, d]`. */
export function queryChunk(from: string, to: string): OnnxNode[] {
  return [
    { op: "Slice", in: [from, "a", "b", "zero"], out: [`${to}_rows`] },
    { op: "Reshape", in: [`${to}_rows`, "q_split"], out: [`${to}_split`] },
    { op: "Transpose", in: [`${to}_split`], out: [`${to}_t`], attrs: { perm: [1, 2, 0, 3] } },
    { op: "Reshape", in: [`${to}_t`, "q_rows"], out: [to] },
  ];
}

/** Back from `[kv, sharing · c, d]` to `[c, heads · d]`. */
export function queryRows(from: string, to: string): OnnxNode[] {
  return [
    { op: "Reshape", in: [from, "q_heads"], out: [`${to}_heads`] },
    { op: "Transpose", in: [`${to}_heads`], out: [`${to}_t`], attrs: { perm: [2, 0, 1, 3] } },
    { op: "Reshape", in: [`${to}_t`, "q_flat"], out: [to] },
  ];
}
