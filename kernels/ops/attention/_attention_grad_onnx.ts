/**
 * The gradient of attention as ONNX nodes: of all queries as one chunk, or in a loop over chunks.
 * @module
 */
import { type Attributes, fixedSizes, type SymbolicDims } from "../../kernel.ts";
import { constantNode, floatAttribute, type OnnxNode } from "../../onnx_node.ts";
import { capSlopeNodes } from "../soft_capping.ts";
import { attentionAttributes } from "./_attention.ts";
import {
  attentionChunk,
  attentionSetup,
  byChunks,
  byHeads,
  byRows,
  chunkLoop,
  chunkSizes,
  wholeBounds,
} from "./_attention_onnx.ts";

type Dims = SymbolicDims<"qcols" | "kvcols">;

/** Rows by heads that a chunk's keys are gathered from, by their names there. */
const GATHERED = { kc: "kh", vc: "vh" };

/** All queries as one chunk. */
export function attentionGradWhole(dims: Dims, attrs: Attributes): OnnxNode[] {
  return [
    ...setup(dims, attrs),
    ...wholeBounds(GATHERED),
    ...byHeads("do", "doc"),
    { op: "Transpose", in: ["delta_rows"], out: ["deltac"], attrs: { perm: [1, 2, 0, 3] } },
    ...flatScores("queries", attrs),
    ...chunk(dims, attrs),
    ...byRows("dqc", "dq"),
    { op: "Identity", in: ["dkc"], out: ["dk"] },
    { op: "Identity", in: ["dvc"], out: ["dv"] },
  ];
}

/** Chunk after chunk. */
export function attentionGradLoop(dims: Dims, attrs: Attributes): OnnxNode[] {
  const { heads } = attentionAttributes(attrs), { qcols } = fixedSizes(dims, "qcols");
  const loop = chunkLoop({
    carried: [
      { name: "dk", rank: 2, first: "dk0", last: "dk" },
      { name: "dv", rank: 2, first: "dk0", last: "dv" },
    ],
    rows: { from: "dqc", to: "dq" },
    gathered: GATHERED,
    chunked: { qc: "q_chunks", doc: "do_chunks", deltac: "delta_chunks" },
    nodes: [
      ...chunk(dims, attrs),
      { op: "Unsqueeze", in: ["kj", "one"], out: ["places"] },
      ...["dk", "dv"].map((name): OnnxNode => ({
        op: "ScatterND",
        in: [`${name}_before`, "places", `${name}c`],
        out: [`${name}_after`],
        attrs: { reduction: "add" },
      })),
    ],
  });
  return [
    ...setup(dims, attrs),
    ...chunkSizes(),
    ...flatScores("c", attrs),
    { op: "Shape", in: ["k"], out: ["k_shape"] },
    { op: "Expand", in: ["zero_f", "k_shape"], out: ["dk0"] },
    ...byChunks("q", "q_chunks", { cols: qcols, attrs }),
    // Rows before the first query are zero, so that they add nothing to keys.
    ...byChunks("do", "do_chunks", { cols: qcols, attrs }),
    { op: "Reshape", in: ["delta_rows", "delta_flat"], out: ["delta"] },
    ...byChunks("delta", "delta_chunks", { cols: heads, attrs }),
    ...loop,
  ];
}

/** Nodes before chunks or the whole: attention's, and δ of all queries, `[queries, kv, sharing, 1]`. */
function setup(dims: Dims, attrs: Attributes): OnnxNode[] {
  const { heads } = attentionAttributes(attrs);
  return [
    ...attentionSetup(dims, attrs),
    { op: "Mul", in: ["do", "o"], out: ["doo"] },
    { op: "Reshape", in: ["doo", "q_split"], out: ["doo_heads"] },
    constantNode("last", "i64", [-1]),
    { op: "ReduceSum", in: ["doo_heads", "last"], out: ["delta_rows"] },
    constantNode("delta_flat", "i64", [-1, heads]),
  ];
}

/**
 * Queries of a chunk get all of their gradient, `dqc`; its keys a share, `dkc` and `dvc`. Shares are made as (xᵀ y)ᵀ: a wide
 * first factor that is transposed takes the CPU's product twice as long.
 */
function chunk(dims: Dims, attrs: Attributes): OnnxNode[] {
  const { scale, heads, kvHeads, cap } = attentionAttributes(attrs), { qcols } = fixedSizes(dims, "qcols");
  return [
    ...attentionChunk(attrs),
    product({ a: "doc", b: "vc", out: "dp", transposed: "b" }),
    { op: "Sub", in: ["dp", "deltac"], out: ["dpc"] },
    { op: "Mul", in: ["p", "dpc"], out: [cap === null ? "ds" : "ds_capped"] },
    ...cap === null ? [] : [
      ...capSlopeNodes("s_share", "slope"),
      { op: "Mul", in: ["ds_capped", "slope"], out: ["ds"] },
    ],
    product({ a: "ds", b: "kc", out: "dqc", alpha: scale }),
    // Keys sum over the heads that share them: as one product over all of their queries.
    constantNode("flat_rows", "i64", [kvHeads, -1, qcols / heads]),
    { op: "Reshape", in: ["qc", "flat_rows"], out: ["q3"] },
    { op: "Reshape", in: ["doc", "flat_rows"], out: ["do3"] },
    { op: "Reshape", in: ["ds", "flat_scores"], out: ["ds3"] },
    { op: "Reshape", in: ["p", "flat_scores"], out: ["p3"] },
    product({ a: "q3", b: "ds3", out: "dkT", alpha: scale, transposed: "a" }),
    product({ a: "do3", b: "p3", out: "dvT", transposed: "a" }),
    ...keyRows("dkT", "dkc"),
    ...keyRows("dvT", "dvc"),
  ];
}

/** Shape of scores of `queries`, `[kv, sharing · queries, n]`. */
function flatScores(queries: string, attrs: Attributes): OnnxNode[] {
  const { heads, kvHeads } = attentionAttributes(attrs);
  return [
    constantNode("sharing", "i64", [heads / kvHeads]),
    { op: "Mul", in: [queries, "sharing"], out: ["sharing_queries"] },
    constantNode("flat_heads", "i64", [kvHeads]),
    constantNode("rest", "i64", [-1]),
    {
      op: "Concat",
      in: ["flat_heads", "sharing_queries", "rest"],
      out: ["flat_scores"],
      attrs: { axis: 0 },
    },
  ];
}

/** `[kv, d, n]` as rows `[n, kv · d]`. */
function keyRows(from: string, to: string): OnnxNode[] {
  return [
    { op: "Transpose", in: [from], out: [`${to}_t`], attrs: { perm: [2, 0, 1] } },
    { op: "Reshape", in: [`${to}_t`, "kv_flat"], out: [to] },
  ];
}

/** `out` = alpha · `a` `b`, of each matrix of them. */
function product(
  { a, b, out, alpha = 1, transposed }: {
    a: string;
    b: string;
    out: string;
    alpha?: number;
    transposed?: "a" | "b";
  },
): OnnxNode {
  return {
    op: "FusedMatMul",
    in: [a, b],
    out: [out],
    attrs: {
      alpha: floatAttribute(alpha),
      transA: Number(transposed === "a"),
      transB: Number(transposed === "b"),
    },
    domain: "com.microsoft",
  };
}
