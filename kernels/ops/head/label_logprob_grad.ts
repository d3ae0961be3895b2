/**
 * Gradients of label log-probabilities, when the weight of every label is known: with p = softmax(h wᵀ),
 * dh[l] = g[l] (w[ids[l]] − Σ_v p_v w[v]); dw[v] = Σ_l g[l] (1[v = ids[l]] − p_lv) h[l];
 * where logits are capped each term times the logit's slope.
 * @module
 */
import { f64 } from "../../../formats/elements.ts";
import { type Attributes, defineKernel } from "../../kernel.ts";
import { constantNode, type OnnxNode, type OnnxTarget } from "../../onnx_node.ts";
import { addScaled, row, rowsOf } from "../../vectors.ts";
import { capOf, capSlope } from "../soft_capping.ts";
import { gemmNodes } from "../half_onnx.ts";
import { labelIndices, labelSoftmax, logitNodes, uncappedNodes } from "./_label.ts";
import { labelSamples } from "./_label_samples.ts";
import { labelLogprobShaders } from "../wgsl/label.ts";

const contract = {
  inputs: { h: ["labels", "cols"], w: ["vocab", "cols"], ids: ["labels"], weights: ["labels"] },
  halves: ["w"],
  integers: ["ids"],
  indices: labelIndices,
} as const;

/** `dz[l, v] = weights[l] (1[v = ids[l]] − p_lv)`, times the logit's slope where it is capped. */
function logitGradient(target: OnnxTarget, attrs: Attributes): OnnxNode[] {
  const isCapped = capOf(attrs) !== null;
  return [
    ...logitNodes(target, attrs),
    { op: "Softmax", in: ["z"], out: ["p"], attrs: { axis: -1 } },
    constantNode("axis", "i64", [-1]),
    { op: "Unsqueeze", in: ["weights", "axis"], out: ["weights2"] },
    { op: "Neg", in: ["weights2"], out: ["minus"] },
    { op: "Mul", in: ["p", "minus"], out: ["spread"] },
    { op: "Unsqueeze", in: ["ids", "axis"], out: ["ids2"] },
    {
      op: "ScatterElements",
      in: ["spread", "ids2", "weights2"],
      out: [isCapped ? "dz_capped" : "dz"],
      attrs: { axis: 1, reduction: "add" },
    },
    ...isCapped ? uncappedNodes("dz_capped", "dz") : [],
  ];
}

function logitGradientReference(
  { h, w, ids, weights }: Readonly<Record<keyof typeof contract.inputs, Float64Array>>,
  { cols, vocab }: { cols: number; vocab: number },
  attrs: Attributes,
): Float64Array {
  const dz = new Float64Array(ids.length * vocab), cap = capOf(attrs);
  ids.forEach((id, l) => {
    const softmax = labelSoftmax({ h, w, cap }, l, cols), weight = f64(weights, l);
    const slopes = softmax.logits.map((logit) => capSlope(logit, cap));
    row(dz, l, vocab).set(softmax.weights.map((p, v) => weight * ((v === id ? 1 : 0) - p) * f64(slopes, v)));
  });
  return dz;
}

/** `dh` of `labelLogprob` for d loss / d logp = `weights`. */
export const labelLogprobGrad = defineKernel({
  name: "label_logprob_grad",
  ...contract,
  outputs: { dh: ["labels", "cols"] },
  reference: (inputs, dims, attrs) => {
    const dz = logitGradientReference(inputs, dims, attrs), dh = new Float64Array(inputs.h.length);
    [...rowsOf(inputs.w, dims.cols)].forEach((token, v) => {
      [...rowsOf(dz, dims.vocab)].forEach((own, l) => addScaled(row(dh, l, dims.cols), token, f64(own, v)));
    });
    return { dh };
  },
  onnx: (
    _dims,
    attrs,
    target,
  ) => [...logitGradient(target, attrs), ...gemmNodes(target, { a: "dz", b: "w", out: "dh" })],
  wgsl: (dims, attrs, limits) =>
    labelLogprobShaders({
      label: "label_logprob_grad",
      ...dims,
      cap: capOf(attrs),
      outputs: { dh: "weighted" },
    }, limits),
  grad: null,
  samples: labelSamples,
  tolerance: { atol: 2e-5, rtol: 1e-5 },
});

/** `dw` of `labelLogprob` for d loss / d logp = `weights`. */
export const labelLogprobWeightGrad = defineKernel({
  name: "label_logprob_weight_grad",
  ...contract,
  outputs: { dw: ["vocab", "cols"] },
  reference: (inputs, dims, attrs) => {
    const dz = logitGradientReference(inputs, dims, attrs), dw = new Float64Array(inputs.w.length);
    [...rowsOf(dz, dims.vocab)].forEach((own, l) => {
      own.forEach((value, v) => addScaled(row(dw, v, dims.cols), row(inputs.h, l, dims.cols), value));
    });
    return { dw };
  },
  onnx: (_dims, attrs, target) => [
    ...logitGradient(target, attrs),
    { op: "Gemm", in: ["dz", "h"], out: ["dw"], attrs: { transA: 1 } },
  ],
  wgsl: (dims, attrs, limits) =>
    labelLogprobShaders({
      label: "label_logprob_weight_grad",
      ...dims,
      cap: capOf(attrs),
      outputs: { dw: true },
    }, limits),
  grad: null,
  samples: labelSamples,
  tolerance: { atol: 2e-5, rtol: 1e-5 },
});
