/**
 * Gradient of attention over a prefix tree; weights are recomputed chunk by chunk (as in FlashAttention, Dao et al. 2022):
 * with P the weights, δ = Σ_d dO ∘ O, dS = P ∘ (dO Vᵀ − δ): dQ = s dS K, dK = s dSᵀ Q, dV = Pᵀ dO.
 * @module
 */
import { constant, float, type Kernel, type OnnxNode } from "../kernel.ts";
import {
  attentionAttributes,
  attentionChunk,
  attentionRow,
  attentionSetup,
  chunkLoop,
  queryChunk,
  queryRows,
  wholeBounds,
} from "./attention.ts";
import { attentionGradSamples } from "./_attention_samples.ts";
import { attentionGradShaders } from "./_wgsl_attention_grad.ts";

/** Adds a chunk's `[kv, n, d]` gradient at keys lo… to what was carried for keys 0…a: `before[:lo] ‖ before[lo:] + head ‖ tail`. */
function carry(name: string): OnnxNode[] {
  return [
    { op: "Slice", in: [`${name}_before`, "zero", "lo", "one"], out: [`${name}_past`] },
    { op: "Slice", in: [`${name}_before`, "lo", "a", "one"], out: [`${name}_shared`] },
    { op: "Slice", in: [`${name}c`, "zero", "known", "one"], out: [`${name}_head`] },
    { op: "Slice", in: [`${name}c`, "known", "span", "one"], out: [`${name}_tail`] },
    { op: "Add", in: [`${name}_shared`, `${name}_head`], out: [`${name}_sum`] },
    {
      op: "Concat",
      in: [`${name}_past`, `${name}_sum`, `${name}_tail`],
      out: [`${name}_after`],
      attrs: { axis: 1 },
    },
  ];
}

/** `dq`, `dk`, `dv` of `attention` with as many queries as rows; same attributes. */
export const attentionGrad: Kernel = {
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
    const at = { rows: rows!, qcols: qcols!, kvcols: kvcols!, ...attentionAttributes(attrs) };
    const d = qcols! / at.heads;
    const dq = new Float64Array(q!.length),
      dk = new Float64Array(k!.length),
      dv = new Float64Array(v!.length);
    for (let i = 0; i < rows!; i++) {
      for (let h = 0; h < at.heads; h++) {
        const p = attentionRow(q!, k!, i, i, h, at, until!, positions!);
        const kv = Math.floor(h / (at.heads / at.kvHeads)) * d, own = i * qcols! + h * d;
        let delta = 0;
        for (let c = 0; c < d; c++) delta += dO![own + c]! * o![own + c]!;
        for (let j = 0; j <= i; j++) {
          const key = j * kvcols! + kv;
          let dp = 0;
          for (let c = 0; c < d; c++) dp += dO![own + c]! * v![key + c]!;
          const ds = p[j]! * (dp - delta) * at.scale;
          for (let c = 0; c < d; c++) {
            dq[own + c]! += ds * k![key + c]!;
            dk[key + c]! += ds * q![own + c]!;
            dv[key + c]! += p[j]! * dO![own + c]!;
          }
        }
      }
    }
    return { dq, dk, dv };
  },
  onnx: (dims, attrs, { loops }) => {
    const { heads, kvHeads, scale } = attentionAttributes(attrs);
    const product = (
      inputs: string[],
      out: string,
      alpha: number,
      transA: number,
      transB: number,
    ): OnnxNode => ({
      op: "FusedMatMul",
      in: inputs,
      out: [out],
      attrs: { alpha: float(alpha), transA, transB },
      domain: "com.microsoft",
    });
    const back = (name: string): OnnxNode[] => [
      { op: "Transpose", in: [`${name}h`], out: [`${name}t`], attrs: { perm: [1, 0, 2] } },
      { op: "Reshape", in: [`${name}t`, "kv_flat"], out: [name] },
    ];
    // Queries of a chunk get all of their gradient, `dq`; its keys a share, `dk` and `dv`.
    const chunk = (dq: string, dk: string, dv: string): OnnxNode[] => [
      ...attentionChunk(attrs),
      ...queryChunk("do", "doh"),
      ...queryChunk("o", "oh"),
      { op: "Mul", in: ["doh", "oh"], out: ["doo"] },
      { op: "ReduceSum", in: ["doo", "last"], out: ["delta"] },
      product(["doh", "vc"], "dp", 1, 0, 1),
      { op: "Sub", in: ["dp", "delta"], out: ["dpc"] },
      { op: "Mul", in: ["p3", "dpc"], out: ["ds"] },
      product(["ds", "kc"], "dqh", scale, 0, 1),
      product(["ds", "qh"], dk, scale, 1, 0),
      product(["p3", "doh"], dv, 1, 1, 0),
      ...queryRows("dqh", dq),
    ];
    const setup = [...attentionSetup(dims, attrs), constant("last", "i64", [-1])];
    if (!loops) {
      return [...setup, ...wholeBounds(), ...chunk("dq", "dkh", "dvh"), ...back("dk"), ...back("dv")];
    }
    return [
      ...setup,
      constant("none", "f32", []),
      constant("dq_none", "i64", [0, dims.qcols!]),
      constant("kv_none", "i64", [kvHeads, 0, dims.qcols! / heads]),
      { op: "Reshape", in: ["none", "dq_none"], out: ["dq0"], attrs: { allowzero: 1 } },
      { op: "Reshape", in: ["none", "kv_none"], out: ["dk0"], attrs: { allowzero: 1 } },
      chunkLoop([["dq", 2], ["dk", 3], ["dv", 3]], ["dq0", "dk0", "dk0"], ["dq", "dkh", "dvh"], [
        ...chunk("dqc", "dkc", "dvc"),
        { op: "Concat", in: ["dq_before", "dqc"], out: ["dq_after"], attrs: { axis: 0 } },
        { op: "Sub", in: ["a", "lo"], out: ["known"] },
        { op: "Sub", in: ["b", "lo"], out: ["span"] },
        ...carry("dk"),
        ...carry("dv"),
      ]),
      ...back("dk"),
      ...back("dv"),
    ];
  },
  wgsl: ({ rows, qcols, kvcols }, attrs, limits) =>
    attentionGradShaders({
      queries: rows!,
      rows: rows!,
      qcols: qcols!,
      kvcols: kvcols!,
      ...attentionAttributes(attrs),
    }, limits),
  grad: null,
  samples: attentionGradSamples,
  tolerance: { atol: 2e-5, rtol: 2e-5 },
};
