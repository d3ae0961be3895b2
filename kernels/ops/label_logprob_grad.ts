/**
 * Gradients of label log-probabilities, when the weight of every label is known: with p = softmax(h wᵀ),
 * dh[l] = g[l] (w[ids[l]] − Σ_v p_v w[v]); dw[v] = Σ_l g[l] (1[v = ids[l]] − p_lv) h[l].
 * @module
 */
import { constant, type Kernel, type OnnxNode } from "../kernel.ts";
import { rowSoftmax } from "./label_logprob.ts";
import { labelSamples } from "./_label_samples.ts";
import { labelLogprobShaders } from "./_wgsl_label.ts";

const contract = {
  inputs: { h: ["labels", "cols"], w: ["vocab", "cols"], ids: ["labels"], weights: ["labels"] },
  halves: ["w"],
  integers: ["ids"],
} as const;

/** `dz[l, v] = weights[l] (1[v = ids[l]] − p_lv)`. */
function logitGradient(): OnnxNode[] {
  return [
    { op: "Gemm", in: ["h", "w"], out: ["z"], attrs: { transB: 1 } },
    { op: "Softmax", in: ["z"], out: ["p"], attrs: { axis: -1 } },
    constant("axis", "i64", [-1]),
    { op: "Unsqueeze", in: ["weights", "axis"], out: ["weights2"] },
    { op: "Neg", in: ["weights2"], out: ["minus"] },
    { op: "Mul", in: ["p", "minus"], out: ["spread"] },
    { op: "Unsqueeze", in: ["ids", "axis"], out: ["ids2"] },
    {
      op: "ScatterElements",
      in: ["spread", "ids2", "weights2"],
      out: ["dz"],
      attrs: { axis: 1, reduction: "add" },
    },
  ];
}

function logitGradientReference(
  h: Float64Array,
  w: Float64Array,
  ids: Float64Array,
  g: Float64Array,
  cols: number,
  vocab: number,
) {
  const dz = new Float64Array(ids.length * vocab);
  ids.forEach((id, l) => {
    rowSoftmax(h, w, l, cols, vocab).probabilities.forEach((p, v) =>
      dz[l * vocab + v] = g[l]! * ((v === id ? 1 : 0) - p)
    );
  });
  return dz;
}

/** `dh` of `labelLogprob` for d loss / d logp = `weights`. */
export const labelLogprobGrad: Kernel = {
  name: "label_logprob_grad",
  ...contract,
  outputs: { dh: ["labels", "cols"] },
  reference: ({ h, w, ids, weights }, { labels, cols, vocab }) => {
    const dz = logitGradientReference(h!, w!, ids!, weights!, cols!, vocab!),
      dh = new Float64Array(h!.length);
    for (let l = 0; l < labels!; l++) {
      for (let v = 0; v < vocab!; v++) {
        for (let c = 0; c < cols!; c++) dh[l * cols! + c]! += dz[l * vocab! + v]! * w![v * cols! + c]!;
      }
    }
    return { dh };
  },
  onnx: () => [...logitGradient(), { op: "Gemm", in: ["dz", "w"], out: ["dh"] }],
  wgsl: (dims, _attrs, limits) => labelLogprobShaders("label_logprob_grad", dims, limits, { dh: "weighted" }),
  grad: null,
  samples: labelSamples,
  tolerance: { atol: 2e-5, rtol: 1e-5 },
};

/** `dw` of `labelLogprob` for d loss / d logp = `weights`. */
export const labelLogprobWeightGrad: Kernel = {
  name: "label_logprob_weight_grad",
  ...contract,
  outputs: { dw: ["vocab", "cols"] },
  reference: ({ h, w, ids, weights }, { labels, cols, vocab }) => {
    const dz = logitGradientReference(h!, w!, ids!, weights!, cols!, vocab!),
      dw = new Float64Array(w!.length);
    for (let l = 0; l < labels!; l++) {
      for (let v = 0; v < vocab!; v++) {
        for (let c = 0; c < cols!; c++) dw[v * cols! + c]! += dz[l * vocab! + v]! * h![l * cols! + c]!;
      }
    }
    return { dw };
  },
  onnx: () => [...logitGradient(), { op: "Gemm", in: ["dz", "h"], out: ["dw"], attrs: { transA: 1 } }],
  wgsl: (dims, _attrs, limits) =>
    labelLogprobShaders("label_logprob_weight_grad", dims, limits, { dw: true }),
  grad: null,
  samples: labelSamples,
  tolerance: { atol: 2e-5, rtol: 1e-5 },
};
