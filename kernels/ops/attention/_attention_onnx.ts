/**
 * Nodes that attention and its gradient share in ONNX: chunks of queries, their bounds, weights and layouts.
 *
 * `sharing` are the query heads that share a key head, `c` the queries of a chunk, `d` the columns of a head, `n` the keys that a
 * chunk sees. Queries are laid out by chunks and heads, `[trips, kv, sharing, c, d]`, once before the loop; keys as `[kv, 1, …, d]`, so that
 * a product is one for each head (threads share nine evenly where they didn't share three) and the heads that share keys read the same ones.
 * @module
 */
import { type Attributes, fixedSizes, type SymbolicDims } from "../../kernel.ts";
import {
  constantNode,
  floatAttribute,
  nativeNode,
  type OnnxNode,
  type OnnxSubgraph,
} from "../../onnx_node.ts";
import { tanhNodes } from "../soft_capping.ts";
import { attentionAttributes } from "./_attention.ts";

/** Most queries of one chunk. 256 made the pass named above 8 % slower: smaller chunks skip more of the triangle. */
export const QUERY_CHUNK = 128;

/** Attention or its gradient by an operator of our own, which keeps to tiles of 48 queries and 16 keys. */
export function nativeAttention(
  op: "Attention" | "AttentionGrad",
  inputs: readonly string[],
  outputs: readonly string[],
  attrs: Attributes,
): OnnxNode {
  const { heads, kvHeads, scale, window, cap } = attentionAttributes(attrs);
  return nativeNode(op, inputs, outputs, {
    heads,
    kv_heads: kvHeads,
    window: window ?? 0,
    scale: floatAttribute(scale),
    cap: floatAttribute(cap ?? 0),
  });
}

/**
 * Nodes before chunks or the whole: keys `kh` and values `vh` `[kv, 1, T, d]`, sizes, and ends of subtrees.
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
    constantNode("hidden_score", "f32", -1e30),
    ...byHeads("k", "kh", "kv_split"),
    ...byHeads("v", "vh", "kv_split"),
    { op: "Shape", in: ["q"], out: ["queries"], attrs: { start: 0, end: 1 } },
    { op: "Shape", in: ["k"], out: ["rows"], attrs: { start: 0, end: 1 } },
    { op: "Squeeze", in: ["rows", "zero"], out: ["rows0"] },
    constantNode("zero0", "i64", 0),
    constantNode("one0", "i64", 1),
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

/**
 * Nodes before a loop: the number `trips` of chunks, their size `c`, the rows `over` (< `trips`) that the first begins before the first
 * query, first rows of chunks among all `begins` `[trips, 1]`, and indices of their queries `indices` `[trips, c, 1]`.
 */
export function chunkSizes(): OnnxNode[] {
  return [
    constantNode("chunk", "i64", [QUERY_CHUNK]),
    { op: "Sub", in: ["queries", "one"], out: ["last_query"] },
    { op: "Div", in: ["last_query", "chunk"], out: ["last_trip"] },
    { op: "Add", in: ["last_trip", "one"], out: ["trips"] },
    { op: "Squeeze", in: ["trips", "zero"], out: ["trips0"] },
    { op: "Div", in: ["last_query", "trips"], out: ["c_less"] },
    { op: "Add", in: ["c_less", "one"], out: ["c"] },
    { op: "Mul", in: ["c", "trips"], out: ["covered"] },
    { op: "Sub", in: ["covered", "queries"], out: ["over"] },
    { op: "Sub", in: ["rows", "covered"], out: ["start"] },
    { op: "Squeeze", in: ["start", "zero"], out: ["start0"] },
    { op: "Range", in: ["start0", "rows0", "one0"], out: ["covered_rows"] },
    constantNode("any", "i64", [-1]),
    { op: "Concat", in: ["any", "c", "one"], out: ["indices_shape"], attrs: { axis: 0 } },
    { op: "Reshape", in: ["covered_rows", "indices_shape"], out: ["indices"] },
    { op: "Gather", in: ["indices", "zero0"], out: ["begins"], attrs: { axis: 1 } },
    constantNode("zero_f", "f32", 0),
  ];
}

/** Nodes before a loop: rows `[queries, …]` of `cols` numbers by chunks and heads, `[trips, kv, sharing, c, d]`; zeros stand for those `over`. */
export function byChunks(
  from: string,
  to: string,
  { cols, attrs }: { cols: number; attrs: Attributes },
): OnnxNode[] {
  const { heads, kvHeads } = attentionAttributes(attrs);
  return [
    constantNode(`${to}_cols`, "i64", [cols]),
    { op: "Concat", in: ["over", `${to}_cols`], out: [`${to}_none_shape`], attrs: { axis: 0 } },
    { op: "Expand", in: ["zero_f", `${to}_none_shape`], out: [`${to}_none`] },
    { op: "Concat", in: [`${to}_none`, from], out: [`${to}_rows`], attrs: { axis: 0 } },
    constantNode(`${to}_heads`, "i64", [kvHeads, heads / kvHeads, cols / heads]),
    { op: "Concat", in: ["any", "c", `${to}_heads`], out: [`${to}_shape`], attrs: { axis: 0 } },
    { op: "Reshape", in: [`${to}_rows`, `${to}_shape`], out: [`${to}_split`] },
    { op: "Transpose", in: [`${to}_split`], out: [to], attrs: { perm: [0, 2, 3, 1, 4] } },
  ];
}

/**
 * Nodes inside the loop: the chunk's part of each of `chunked`, indices of its queries `qi` `[c, 1]`, and the keys that any of them
 * sees, in order: indices `kj`, ends of their subtrees `uj`, and `gathered` of keys, values and the like.
 * Branches that lie between are left out, so that a query's chunk costs what it sees.
 */
function chunkBounds({ gathered, chunked }: Pick<ChunkLoop, "gathered" | "chunked">): OnnxNode[] {
  const gather = (tensors: Readonly<Record<string, string>>, index: string, axis: number) =>
    Object.entries(tensors).map(([to, from]): OnnxNode => ({
      op: "Gather",
      in: [from, index],
      out: [to],
      attrs: { axis },
    }));
  return [
    ...gather({ ...chunked, qi: "indices", a: "begins" }, "iteration", 0),
    { op: "Add", in: ["a", "c"], out: ["b"] },
    { op: "Slice", in: ["until64", "zero", "b", "zero"], out: ["ends"] },
    { op: "Greater", in: ["ends", "a"], out: ["alive"] },
    { op: "NonZero", in: ["alive"], out: ["alive_at"] },
    { op: "Squeeze", in: ["alive_at", "zero"], out: ["kj"] },
    ...gather({ uj: "until64" }, "kj", 0),
    ...gather(gathered, "kj", 2),
  ];
}

/** The same for all queries and all keys as one chunk; `from` are tensors by the names of their parts. */
export function wholeBounds(from: Readonly<Record<string, string>>): OnnxNode[] {
  return [
    ...byHeads("q", "qc"),
    { op: "Range", in: ["zero0", "rows0", "one0"], out: ["kj"] },
    ...Object.entries({ uj: "until64", ...from }).map(([to, name]) => ({
      op: "Identity",
      in: [name],
      out: [to],
    })),
    { op: "Sub", in: ["rows", "queries"], out: ["offset"] },
    { op: "Slice", in: ["kj", "offset", "rows", "zero"], out: ["query_rows"] },
    { op: "Unsqueeze", in: ["query_rows", "one"], out: ["qi"] },
  ];
}

/** A loop over chunks. */
export interface ChunkLoop {
  /** Tensors that go from round to round, from `NAME_before` to `NAME_after`. */
  carried: readonly { name: string; rank: number; first: string; last: string }[];
  /** Tensor `[kv, sharing, c, d]` of each round, and the name of its rows `[queries, heads · d]` behind the loop. */
  rows: { from: string; to: string };
  /** Tensors `[kv, any, T, any]` by the names of their rows that a chunk sees. */
  gathered: Readonly<Record<string, string>>;
  /** Tensors `[trips, …]` by the names of a chunk's part. */
  chunked: Readonly<Record<string, string>>;
  nodes: readonly OnnxNode[];
}

/** Nodes of a loop, behind {@linkcode chunkSizes}, and of what it gives; `first` and `last` name each carried tensor before and behind it. */
export function chunkLoop({ carried, rows: { from, to }, nodes, ...bounds }: ChunkLoop): OnnxNode[] {
  const floats = (suffix: string) =>
    carried.map(({ name, rank }) => ({ name: name + suffix, type: "f32" as const, rank }));
  const graph: OnnxSubgraph = {
    inputs: [
      { name: "iteration", type: "i64", rank: 0 },
      { name: "going", type: "bool", rank: 0 },
      ...floats("_before"),
    ],
    nodes: [...chunkBounds(bounds), ...nodes, { op: "Identity", in: ["going"], out: ["go_on"] }],
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

/** Nodes of a chunk, from its queries `qc` and their indices, and keys `kc [kv, 1, n, d]`: weights `p` `[kv, sharing, c, n]`; of capped scores their shares of the cap, `s_share`, too. */
export function attentionChunk(attrs: Attributes): OnnxNode[] {
  const { scale, window, cap } = attentionAttributes(attrs);
  const far: OnnxNode[] = window === null ? [] : [
    // An index below 0 counts from the end: any row does for a query that isn't there.
    { op: "Gather", in: ["positions", "qi"], out: ["pq"], attrs: { axis: 0 } },
    { op: "Gather", in: ["positions", "kj"], out: ["pk"], attrs: { axis: 0 } },
    { op: "Sub", in: ["pq", "pk"], out: ["back"] },
    constantNode("window64", "i64", window),
    { op: "Cast", in: ["back"], out: ["back64"], attrs: { to: { type: "i64" } } },
    { op: "LessOrEqual", in: ["window64", "back64"], out: ["far"] },
    { op: "Or", in: ["closed", "far"], out: ["hidden"] },
  ];
  return [
    {
      op: "FusedMatMul",
      in: ["qc", "kc"],
      out: [cap === null ? "s" : "s_ratio"],
      attrs: { alpha: floatAttribute(scale / (cap ?? 1)), transB: 1 },
      domain: "com.microsoft",
    },
    ...cap === null ? [] : tanhNodes("s_ratio", "s", cap),
    { op: "Less", in: ["qi", "kj"], out: ["later"] },
    { op: "LessOrEqual", in: ["uj", "qi"], out: ["behind"] },
    { op: "Or", in: ["later", "behind"], out: [window === null ? "hidden" : "closed"] },
    ...far,
    // hidden · −1e30: a third of the time that Where takes on a CPU.
    { op: "Cast", in: ["hidden"], out: ["hidden_part"], attrs: { to: { type: "f32" } } },
    { op: "Mul", in: ["hidden_part", "hidden_score"], out: ["bias"] },
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
