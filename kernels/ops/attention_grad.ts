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
  chunkLoop,
  queryChunk,
  queryRows,
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
  onnx: (dims, attrs, { loops }) => {
    const { scale } = attentionAttributes(attrs), { qcols } = fixedSizes(dims, "qcols");
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
    // Queries of a chunk get all of their gradient, `dq`; its keys a share, `dk` and `dv`. Shares are made as (xᵀ y)ᵀ: a wide
    // first factor that is transposed takes the CPU's product twice as long.
    const chunk = (dq: string, dk: string, dv: string): OnnxNode[] => [
      ...attentionChunk(attrs),
      ...queryChunk("do", "doh"),
      ...queryChunk("o", "oh"),
      { op: "Mul", in: ["doh", "oh"], out: ["doo"] },
      { op: "ReduceSum", in: ["doo", "last"], out: ["delta"] },
      product({ a: "doh", b: "vc", out: "dp", transposed: "b" }),
      { op: "Sub", in: ["dp", "delta"], out: ["dpc"] },
      { op: "Mul", in: ["p3", "dpc"], out: ["ds"] },
      product({ a: "ds", b: "kc", out: "dqh", alpha: scale }),
      product({ a: "qh", b: "ds", out: "dkT", alpha: scale, transposed: "a" }),
      product({ a: "doh", b: "p3", out: "dvT", transposed: "a" }),
      ...queryRows("dqh", dq),
      ...back("dkT", dk),
      ...back("dvT", dv),
    ];
    const gathered = { kc: "kh", vc: "vh" };
    const setup = [...attentionSetup(dims, attrs), constantNode("last", "i64", [-1])];
    if (!loops) return [...setup, ...wholeBounds(gathered), ...chunk("dq", "dk", "dv")];
    return [
      ...setup,
      constantNode("none", "f32", []),
      constantNode("dq_none", "i64", [0, qcols]),
      { op: "Reshape", in: ["none", "dq_none"], out: ["dq0"], attrs: { allowzero: 1 } },
      constantNode("zero_f", "f32", 0),
      { op: "Shape", in: ["k"], out: ["k_shape"] },
      { op: "Expand", in: ["zero_f", "k_shape"], out: ["dk0"] },
      chunkLoop({
        carried: [
          { name: "dq", rank: 2, first: "dq0", last: "dq" },
          { name: "dk", rank: 2, first: "dk0", last: "dk" },
          { name: "dv", rank: 2, first: "dk0", last: "dv" },
        ],
        gathered,
        nodes: [
          ...chunk("dqc", "dkc", "dvc"),
          { op: "Concat", in: ["dq_before", "dqc"], out: ["dq_after"], attrs: { axis: 0 } },
          { op: "Unsqueeze", in: ["kj", "one"], out: ["places"] },
          ...["dk", "dv"].map((name): OnnxNode => ({
            op: "ScatterND",
            in: [`${name}_before`, "places", `${name}c`],
            out: [`${name}_after`],
            attrs: { reduction: "add" },
          })),
        ],
      }),
    ];
  },
  wgsl: (dims, attrs, limits) =>
    attentionGradShaders({ ...dims, queries: dims.rows, ...attentionAttributes(attrs) }, limits),
  grad: null,
  samples: attentionGradSamples,
  tolerance: { atol: 2e-5, rtol: 2e-5 },
});
