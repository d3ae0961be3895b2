/**
 * Log-probabilities of labels: the output head and the softmax over the vocabulary in one kernel, for labelled rows only.
 * The caller bounds memory by giving it chunks of labels: `[labels, vocab]` exists for one chunk at a time.
 * @module
 */
import { f64 } from "../../../formats/elements.ts";
import { defineKernel } from "../../kernel.ts";
import { constantNode } from "../../onnx_node.ts";
import { addScaled, row, rowsOf } from "../../vectors.ts";
import { gatherNodes, gemmNodes } from "../half_onnx.ts";
import { labelIndices, labelSoftmax, logprobNodes, nativeHead } from "./_label.ts";
import { labelSamples } from "./_label_samples.ts";
import { labelLogprobGrad, labelLogprobWeightGrad } from "./label_logprob_grad.ts";
import { labelLogprobShaders } from "../wgsl/label.ts";

/** `logp[labels]` (nats, ≤ 0) of `ids` under `softmax(h wᵀ)`; `h` `[labels, cols]`, `w` `[vocab, cols]`. */
export const labelLogprob = defineKernel({
  name: "label_logprob",
  inputs: { h: ["labels", "cols"], w: ["vocab", "cols"], ids: ["labels"] },
  outputs: { logp: ["labels"] },
  integers: ["ids"],
  halves: ["w"],
  indices: labelIndices,
  reference: ({ h, w, ids }, { cols }) => ({
    logp: ids.map((id, l) => {
      const { logits, logSum } = labelSoftmax({ h, w }, l, cols);
      return f64(logits, id) - logSum;
    }),
  }),
  onnx: (_dims, _attrs, target) => nativeHead("LabelLogprob", ["logp"], target) ?? logprobNodes(target),
  wgsl: (dims, _attrs, limits) =>
    labelLogprobShaders({ label: "label_logprob", ...dims, outputs: { logp: true } }, limits),
  grad: (g, { inputs, gradients: { logp: weights }, needs }) => ({
    h: needs.has("h") ? g.run(labelLogprobGrad, { ...inputs, weights }).dh : null,
    w: needs.has("w") ? g.run(labelLogprobWeightGrad, { ...inputs, weights }).dw : null,
  }),
  samples: labelSamples,
  tolerance: { atol: 2e-5, rtol: 2e-6 },
});

/**
 * {@linkcode labelLogprob} together with its unit gradient `dh[l] = ∂logp[l]/∂h[l] = w[ids[l]] − Σ_v p_v w[v]`.
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
  reference: ({ h, w, ids }, { cols }) => {
    const logp = new Float64Array(ids.length), dh = new Float64Array(h.length);
    ids.forEach((id, l) => {
      const { logits, logSum, weights } = labelSoftmax({ h, w }, l, cols), gradient = row(dh, l, cols);
      logp[l] = f64(logits, id) - logSum;
      addScaled(gradient, row(w, id, cols), 1);
      [...rowsOf(w, cols)].forEach((token, v) => addScaled(gradient, token, -f64(weights, v)));
    });
    return { logp, dh };
  },
  onnx: (_dims, _attrs, target) =>
    nativeHead("LabelLogprobUnit", ["logp", "dh"], target) ?? [
      ...logprobNodes(target),
      ...gemmNodes(target, { a: "e", b: "w", out: "weighted" }),
      { op: "Div", in: ["weighted", "sum"], out: ["mean"] },
      ...gatherNodes(target, "w", "ids", "own"),
      { op: "Sub", in: ["own", "mean"], out: ["dh"] },
    ],
  wgsl: (dims, _attrs, limits) =>
    labelLogprobShaders(
      { label: "label_logprob_unit", ...dims, outputs: { logp: true, dh: "unit" } },
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
  reference: ({ h, w, ids }, { cols }) => {
    const logp = new Float64Array(ids.length), best = new Float64Array(ids.length);
    ids.forEach((id, l) => {
      const { logits, logSum } = labelSoftmax({ h, w }, l, cols), own = f64(logits, id);
      logp[l] = own - logSum;
      best[l] = logits.every((logit) => logit <= own) ? 1 : 0;
    });
    return { logp, best };
  },
  onnx: (_dims, _attrs, target) => [
    ...logprobNodes(target),
    constantNode("zero", "f32", [0]),
    { op: "Squeeze", in: ["picked_shifted", "axis"], out: ["below_top"] },
    { op: "GreaterOrEqual", in: ["below_top", "zero"], out: ["is_best"] },
    { op: "Cast", in: ["is_best"], out: ["best"], attrs: { to: { type: "f32" } } },
  ],
  wgsl: (dims, _attrs, limits) =>
    labelLogprobShaders(
      { label: "label_logprob_best", ...dims, outputs: { logp: true, best: true } },
      limits,
    ),
  grad: null,
  samples: labelSamples,
  tolerance: { atol: 2e-5, rtol: 2e-6 },
});
