/**
 * Gradient of attention over a prefix tree; weights are recomputed chunk by chunk (as in FlashAttention, Dao et al. 2022):
 * with P the weights, δ = Σ_d dO ∘ O, dS = P ∘ (dO Vᵀ − δ): dQ = s dS K, dK = s dSᵀ Q, dV = Pᵀ dO.
 * @module
 */
import { defineKernel, fixedSizes } from "../kernel.ts";
import { constantNode, floatAttribute, type OnnxNode } from "../onnx_node.ts";
import { addScaled, dot } from "../vectors.ts";
import { attentionAttributes, attentionWeights, headOf } from "./_attention.ts";
import {
  attentionChunk,
  attentionSetup,
  byChunks,
  byHeads,
  byRows,
  chunkLoop,
  chunkSizes,
  nativeAttention,
  wholeBounds,
} from "./_attention_onnx.ts";
import { attentionGradSamples } from "./attention_samples.ts";
import { attentionGradShaders } from "./wgsl/attention_grad.ts";

/** `dq`, `dk`, `dv` of `attention` with as many queries as rows; same attributes. */
export const attentionGrad = defineKernel({
  name: "attention_grad",
  inputs: {
    q: ["rows", "qcols"],
    k: ["rows", "kvcols"],
    v: ["rows", "kvcols"],
    o: ["rows", "qcols"],
    do: ["rows", "qcols"],
    until: ["rows"],
    positions: ["rows"],
  },
  outputs: { dq: ["rows", "qcols"], dk: ["rows", "kvcols"], dv: ["rows", "kvcols"] },
  integers: ["until", "positions"],
  reference: ({ q, k, v, o, do: dO, until, positions }, { rows, qcols, kvcols }, attrs) => {
    const shape = { queries: rows, rows, qcols, kvcols, ...attentionAttributes(attrs) };
    const { heads, kvHeads, scale } = shape, d = qcols / heads;
    const dq = new Float64Array(q.length), dk = new Float64Array(k.length), dv = new Float64Array(v.length);
    for (let index = 0; index < rows; index++) {
      for (let head = 0; head < heads; head++) {
        const weights = attentionWeights({ q, k, until, positions }, shape, { query: index, index, head });
        const own = (values: Float64Array) => headOf(values, { row: index, cols: qcols, head, d });
        const delta = dot(own(dO), own(o)), kvHead = Math.floor(head / (heads / kvHeads));
        weights.forEach((p, row) => {
          if (p === 0) return;
          const key = (values: Float64Array) => headOf(values, { row, cols: kvcols, head: kvHead, d });
          const ds = p * (dot(own(dO), key(v)) - delta) * scale;
          addScaled(own(dq), key(k), ds);
          addScaled(key(dk), own(q), ds);
          addScaled(key(dv), own(dO), p);
        });
      }
    }
    return { dq, dk, dv };
  },
  onnx: (dims, attrs, { loops, native }) => {
    if (native) {
      const inputs = ["q", "k", "v", "o", "do", "until", "positions"];
      return [nativeAttention("AttentionGrad", inputs, ["dq", "dk", "dv"], attrs)];
    }
    const { scale, heads, kvHeads } = attentionAttributes(attrs), { qcols } = fixedSizes(dims, "qcols");
    const product = (
      spec: { a: string; b: string; out: string; alpha?: number; transposed?: "a" | "b" },
    ): OnnxNode => ({
      op: "FusedMatMul",
      in: [spec.a, spec.b],
      out: [spec.out],
      attrs: {
        alpha: floatAttribute(spec.alpha ?? 1),
        transA: Number(spec.transposed === "a"),
        transB: Number(spec.transposed === "b"),
      },
      domain: "com.microsoft",
    });
    // `[kv, d, n]` as rows `[n, kv · d]`.
    const back = (from: string, to: string): OnnxNode[] => [
      { op: "Transpose", in: [from], out: [`${to}_t`], attrs: { perm: [2, 0, 1] } },
      { op: "Reshape", in: [`${to}_t`, "kv_flat"], out: [to] },
    ];
    // Queries of a chunk get all of their gradient, `dqc`; its keys a share, `dkc` and `dvc`. Shares are made as (xᵀ y)ᵀ: a wide
    // first factor that is transposed takes the CPU's product twice as long.
    const chunk: OnnxNode[] = [
      ...attentionChunk(attrs),
      product({ a: "doc", b: "vc", out: "dp", transposed: "b" }),
      { op: "Sub", in: ["dp", "deltac"], out: ["dpc"] },
      { op: "Mul", in: ["p", "dpc"], out: ["ds"] },
      product({ a: "ds", b: "kc", out: "dqc", alpha: scale }),
      // Keys sum over the heads that share them: as one product over all of their queries.
      constantNode("flat_rows", "i64", [kvHeads, -1, qcols / heads]),
      { op: "Reshape", in: ["qc", "flat_rows"], out: ["q3"] },
      { op: "Reshape", in: ["doc", "flat_rows"], out: ["do3"] },
      { op: "Reshape", in: ["ds", "flat_scores"], out: ["ds3"] },
      { op: "Reshape", in: ["p", "flat_scores"], out: ["p3"] },
      product({ a: "q3", b: "ds3", out: "dkT", alpha: scale, transposed: "a" }),
      product({ a: "do3", b: "p3", out: "dvT", transposed: "a" }),
      ...back("dkT", "dkc"),
      ...back("dvT", "dvc"),
    ];
    // Of scores of `queries`, `[kv, sharing · queries, n]`.
    const flatScores = (queries: string): OnnxNode[] => [
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
    const gathered = { kc: "kh", vc: "vh" };
    // δ of all queries, `[queries, kv, sharing, 1]`.
    const setup: OnnxNode[] = [
      ...attentionSetup(dims, attrs),
      { op: "Mul", in: ["do", "o"], out: ["doo"] },
      { op: "Reshape", in: ["doo", "q_split"], out: ["doo_heads"] },
      constantNode("last", "i64", [-1]),
      { op: "ReduceSum", in: ["doo_heads", "last"], out: ["delta_rows"] },
      constantNode("delta_flat", "i64", [-1, heads]),
    ];
    if (!loops) {
      return [
        ...setup,
        ...wholeBounds(gathered),
        ...byHeads("do", "doc"),
        { op: "Transpose", in: ["delta_rows"], out: ["deltac"], attrs: { perm: [1, 2, 0, 3] } },
        ...flatScores("queries"),
        ...chunk,
        ...byRows("dqc", "dq"),
        { op: "Identity", in: ["dkc"], out: ["dk"] },
        { op: "Identity", in: ["dvc"], out: ["dv"] },
      ];
    }
    const loop = chunkLoop({
      carried: [
        { name: "dk", rank: 2, first: "dk0", last: "dk" },
        { name: "dv", rank: 2, first: "dk0", last: "dv" },
      ],
      rows: { from: "dqc", to: "dq" },
      gathered,
      chunked: { qc: "q_chunks", doc: "do_chunks", deltac: "delta_chunks" },
      nodes: [
        ...chunk,
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
      ...setup,
      ...chunkSizes(),
      ...flatScores("c"),
      { op: "Shape", in: ["k"], out: ["k_shape"] },
      { op: "Expand", in: ["zero_f", "k_shape"], out: ["dk0"] },
      ...byChunks("q", "q_chunks", { cols: qcols, attrs }),
      // Rows before the first query are zero, so that they add nothing to keys.
      ...byChunks("do", "do_chunks", { cols: qcols, attrs }),
      { op: "Reshape", in: ["delta_rows", "delta_flat"], out: ["delta"] },
      ...byChunks("delta", "delta_chunks", { cols: heads, attrs }),
      ...loop,
    ];
  },
  wgsl: (dims, attrs, limits) =>
    attentionGradShaders({ ...dims, queries: dims.rows, ...attentionAttributes(attrs) }, limits),
  grad: null,
  samples: attentionGradSamples,
  tolerance: { atol: 2e-5, rtol: 2e-5 },
});
