/**
 * Gradient of attention over a prefix tree; weights are recomputed chunk by chunk (as in FlashAttention, Dao et al. 2022):
 * with P the weights, δ = Σ_d dO ∘ O, dS = P ∘ (dO Vᵀ − δ), times the slope of a capped score: dQ = s dS K, dK = s dSᵀ Q, dV = Pᵀ dO.
 * @module
 */
import { defineKernel } from "../../kernel.ts";
import { f64 } from "../../../formats/elements.ts";
import { addScaled, dot } from "../../vectors.ts";
import { capSlope } from "../soft_capping.ts";
import { attentionAttributes, attentionWeights, headOf } from "./_attention.ts";
import { attentionGradLoop, attentionGradWhole } from "./_attention_grad_onnx.ts";
import { nativeAttention } from "./_attention_onnx.ts";
import { attentionGradSamples } from "./attention_samples.ts";
import { attentionGradShaders } from "../wgsl/attention_grad.ts";

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
    const { heads, kvHeads, scale, cap } = shape, d = qcols / heads;
    const dq = new Float64Array(q.length), dk = new Float64Array(k.length), dv = new Float64Array(v.length);
    for (let index = 0; index < rows; index++) {
      for (let head = 0; head < heads; head++) {
        const { weights, scores } = attentionWeights({ q, k, until, positions }, shape, {
          query: index,
          index,
          head,
        });
        const own = (values: Float64Array) => headOf(values, { row: index, cols: qcols, head, d });
        const delta = dot(own(dO), own(o)), kvHead = Math.floor(head / (heads / kvHeads));
        weights.forEach((p, row) => {
          if (p === 0) return;
          const key = (values: Float64Array) => headOf(values, { row, cols: kvcols, head: kvHead, d });
          const ds = p * (dot(own(dO), key(v)) - delta) * capSlope(f64(scores, row), cap) * scale;
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
    return loops ? attentionGradLoop(dims, attrs) : attentionGradWhole(dims, attrs);
  },
  wgsl: (dims, attrs, limits) =>
    attentionGradShaders({ ...dims, queries: dims.rows, ...attentionAttributes(attrs) }, limits),
  grad: null,
  samples: attentionGradSamples,
  tolerance: { atol: 2e-5, rtol: 2e-5 },
});
