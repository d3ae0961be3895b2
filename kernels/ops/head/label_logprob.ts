/**
 * Log-probabilities of labels: the output head and the softmax over the vocabulary in one kernel, for labelled rows only.
 * The caller bounds memory by giving it chunks of labels: `[labels, vocab]` exists for one chunk at a time.
 * @module
 */
import { f64 } from "../../../formats/elements.ts";
import { type Attributes, defineKernel } from "../../kernel.ts";
import { constantNode, type OnnxNode, type OnnxTarget } from "../../onnx_node.ts";
import { addScaled, row, rowsOf } from "../../vectors.ts";
import { capOf, capSlope } from "../soft_capping.ts";
import { gatherNodes, gemmNodes } from "../half_onnx.ts";
import { labelIndices, labelSoftmax, logprobNodes, nativeHead, uncappedNodes } from "./_label.ts";
import { labelSamples } from "./_label_samples.ts";
import { labelLogprobGrad, labelLogprobWeightGrad } from "./label_logprob_grad.ts";
import { labelLogprobShaders } from "../wgsl/label.ts";

/**
 * `logp[labels]` (nats, ≤ 0) of `ids` under `softmax(h wᵀ)`; `h` `[labels, cols]`, `w` `[vocab, cols]`. Attribute `cap`: logits become
 * cap · tanh(logit / cap), > 0; missing or null: they stay.
 */
export const labelLogprob = defineKernel({
  name: "label_logprob",
  inputs: { h: ["labels", "cols"], w: ["vocab", "cols"], ids: ["labels"] },
  outputs: { logp: ["labels"] },
  integers: ["ids"],
  halves: ["w"],
  indices: labelIndices,
  reference: ({ h, w, ids }, { cols }, attrs) => ({
    logp: ids.map((id, l) => {
      const { logits, logSum } = labelSoftmax({ h, w, cap: capOf(attrs) }, l, cols);
      return f64(logits, id) - logSum;
    }),
  }),
  onnx: (_dims, attrs, target) =>
    nativeHead("LabelLogprob", ["logp"], { attrs, target }) ?? logprobNodes(target, attrs),
  wgsl: (dims, attrs, limits) =>
    labelLogprobShaders(
      { label: "label_logprob", ...dims, cap: capOf(attrs), outputs: { logp: true } },
      limits,
    ),
  grad: (g, { inputs, gradients: { logp: weights }, needs, attrs }) => ({
    h: needs.has("h") ? g.run(labelLogprobGrad, { ...inputs, weights }, attrs).dh : null,
    w: needs.has("w") ? g.run(labelLogprobWeightGrad, { ...inputs, weights }, attrs).dw : null,
  }),
  samples: labelSamples,
  tolerance: { atol: 2e-5, rtol: 2e-6 },
});

/**
 * {@linkcode labelLogprob} together with its unit gradient `dh[l] = ∂logp[l]/∂h[l] = w[ids[l]] − Σ_v p_v w[v]`, where logits
 * are capped each row of w times its logit's slope.
 * The loss needs every log-probability before it can weight any of them, and the weight of a label is one number, so the
 * gradient of the hidden rows is `weight[l] · dh[l]`: the vocabulary product isn't done a second time in the backward pass.
 */
export const labelLogprobUnit = defineKernel({
  name: "label_logprob_unit",
  inputs: labelLogprob.inputs,
  outputs: { logp: ["labels"], dh: ["labels", "cols"] },
  integers: ["ids"],
  halves: ["w"],
  indices: labelIndices,
  reference: ({ h, w, ids }, { cols }, attrs) => {
    const logp = new Float64Array(ids.length), dh = new Float64Array(h.length);
    ids.forEach((id, l) => {
      const cap = capOf(attrs), { logits, logSum, weights } = labelSoftmax({ h, w, cap }, l, cols);
      const gradient = row(dh, l, cols), slopeOf = (v: number) => capSlope(f64(logits, v), cap);
      logp[l] = f64(logits, id) - logSum;
      addScaled(gradient, row(w, id, cols), slopeOf(id));
      [...rowsOf(w, cols)].forEach((token, v) => addScaled(gradient, token, -f64(weights, v) * slopeOf(v)));
    });
    return { logp, dh };
  },
  onnx: (_dims, attrs, target) =>
    nativeHead("LabelLogprobUnit", ["logp", "dh"], { attrs, target }) ?? unitNodes(target, attrs),
  wgsl: (dims, attrs, limits) =>
    labelLogprobShaders(
      { label: "label_logprob_unit", ...dims, cap: capOf(attrs), outputs: { logp: true, dh: "unit" } },
      limits,
    ),
  grad: null,
  samples: labelSamples,
  tolerance: { atol: 2e-5, rtol: 1e-5 },
});

/** {@linkcode labelLogprob} together with `best[labels]`: 1 where no token has a larger logit than the label, else 0. */
export const labelLogprobBest = defineKernel({
  name: "label_logprob_best",
  inputs: labelLogprob.inputs,
  outputs: { logp: ["labels"], best: ["labels"] },
  integers: ["ids"],
  halves: ["w"],
  indices: labelIndices,
  reference: ({ h, w, ids }, { cols }, attrs) => {
    const logp = new Float64Array(ids.length), best = new Float64Array(ids.length);
    ids.forEach((id, l) => {
      const { logits, logSum } = labelSoftmax({ h, w, cap: capOf(attrs) }, l, cols), own = f64(logits, id);
      logp[l] = own - logSum;
      best[l] = logits.every((logit) => logit <= own) ? 1 : 0;
    });
    return { logp, best };
  },
  onnx: (_dims, attrs, target) => [
    ...logprobNodes(target, attrs),
    constantNode("zero", "f32", [0]),
    { op: "Squeeze", in: ["picked_shifted", "axis"], out: ["below_top"] },
    { op: "GreaterOrEqual", in: ["below_top", "zero"], out: ["is_best"] },
    { op: "Cast", in: ["is_best"], out: ["best"], attrs: { to: { type: "f32" } } },
  ],
  wgsl: (dims, attrs, limits) =>
    labelLogprobShaders(
      { label: "label_logprob_best", ...dims, cap: capOf(attrs), outputs: { logp: true, best: true } },
      limits,
    ),
  grad: null,
  samples: labelSamples,
  tolerance: { atol: 2e-5, rtol: 2e-6 },
});

function unitNodes(target: OnnxTarget, attrs: Attributes): OnnxNode[] {
  const isCapped = capOf(attrs) !== null;
  return [
    ...logprobNodes(target, attrs),
    ...isCapped ? uncappedNodes("e", "e_uncapped") : [],
    ...gemmNodes(target, { a: isCapped ? "e_uncapped" : "e", b: "w", out: "weighted" }),
    { op: "Div", in: ["weighted", "sum"], out: ["mean"] },
    ...gatherNodes(target, "w", "ids", isCapped ? "own_row" : "own"),
    ...isCapped
      ? [
        { op: "GatherElements", in: ["z_share", "ids2"], out: ["own_share"], attrs: { axis: 1 } },
        ...uncappedNodes("own_row", "own", "own_share"),
      ]
      : [],
    { op: "Sub", in: ["own", "mean"], out: ["dh"] },
  ];
}
