/**
 * Log-probabilities of labels: the output head and the softmax over the vocabulary in one kernel, for labelled rows only.
 * The caller bounds memory by giving it chunks of labels: `[labels, vocab]` exists for one chunk at a time.
 * @module
 */
import { type Attributes, constant, type Kernel, type OnnxNode } from "../kernel.ts";
import { labelLogprobGrad, labelLogprobWeightGrad } from "./label_logprob_grad.ts";
import { labelSamples } from "./_label_samples.ts";
import { labelLogprobShaders } from "./_wgsl_label.ts";

/** `logp[l] = z[ids[l]] − log Σ_v exp z[v]` with `z = h[l] wᵀ`, and the probabilities, of one row. */
export function rowSoftmax(h: Float64Array, w: Float64Array, l: number, cols: number, vocab: number) {
  const z = new Float64Array(vocab);
  for (let v = 0; v < vocab; v++) {
    for (let c = 0; c < cols; c++) z[v]! += h[l * cols + c]! * w[v * cols + c]!;
  }
  const max = z.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = z.reduce((a, b) => a + Math.exp(b - max), 0);
  return { logits: z, logSum: max + Math.log(sum), probabilities: z.map((v) => Math.exp(v - max) / sum) };
}

/** Nodes: logits `z`, shifted exponentials `e` and their sum `sum [labels, 1]`, and `logp`. */
export function logprobNodes(): OnnxNode[] {
  return [
    { op: "Gemm", in: ["h", "w"], out: ["z"], attrs: { transB: 1 } },
    constant("axis", "i64", [-1]),
    { op: "ReduceMax", in: ["z", "axis"], out: ["max"] },
    { op: "Sub", in: ["z", "max"], out: ["shifted"] },
    { op: "Exp", in: ["shifted"], out: ["e"] },
    { op: "ReduceSum", in: ["e", "axis"], out: ["sum"] },
    { op: "Log", in: ["sum"], out: ["log_sum"] },
    { op: "Unsqueeze", in: ["ids", "axis"], out: ["ids2"] },
    { op: "GatherElements", in: ["z", "ids2"], out: ["picked"], attrs: { axis: 1 } },
    { op: "Sub", in: ["picked", "max"], out: ["picked_shifted"] },
    { op: "Sub", in: ["picked_shifted", "log_sum"], out: ["logp2"] },
    { op: "Squeeze", in: ["logp2", "axis"], out: ["logp"] },
  ];
}

/** `logp[labels]` (nats, ≤ 0) of `ids` under `softmax(h wᵀ)`; `h` `[labels, cols]`, `w` `[vocab, cols]`. */
export const labelLogprob: Kernel = {
  name: "label_logprob",
  inputs: { h: ["labels", "cols"], w: ["vocab", "cols"], ids: ["labels"] },
  outputs: { logp: ["labels"] },
  integers: ["ids"],
  halves: ["w"],
  reference: ({ h, w, ids }, { cols, vocab }) => ({
    logp: ids!.map((id, l) => {
      const { logits, logSum } = rowSoftmax(h!, w!, l, cols!, vocab!);
      return logits[id]! - logSum;
    }),
  }),
  onnx: () => logprobNodes(),
  wgsl: (dims, _attrs, limits) => labelLogprobShaders("label_logprob", dims, limits, { logp: true }),
  grad: (g, { inputs, gradients, needs }) => {
    const at = { h: inputs.h!, w: inputs.w!, ids: inputs.ids!, weights: gradients.logp! };
    return {
      h: needs.has("h") ? g.run(labelLogprobGrad, at).dh! : null,
      w: needs.has("w") ? g.run(labelLogprobWeightGrad, at).dw! : null,
    };
  },
  samples: labelSamples,
  tolerance: { atol: 2e-5, rtol: 2e-6 },
};

/**
 * {@linkcode labelLogprob} together with its unit gradient `dh[l] = ∂logp[l]/∂h[l] = w[ids[l]] − Σ_v p_v w[v]`.
 * The loss needs every log-probability before it can weight any of them, and the weight of a label is one number, so the
 * gradient of the hidden rows is `weight[l] · dh[l]`: the vocabulary product isn't done a second time in the backward pass.
 */
export const labelLogprobUnit: Kernel = {
  name: "label_logprob_unit",
  inputs: labelLogprob.inputs,
  outputs: { logp: ["labels"], dh: ["labels", "cols"] },
  integers: ["ids"],
  halves: ["w"],
  reference: ({ h, w, ids }, { cols, vocab }) => {
    const logp = new Float64Array(ids!.length), dh = new Float64Array(h!.length);
    ids!.forEach((id, l) => {
      const { logits, logSum, probabilities } = rowSoftmax(h!, w!, l, cols!, vocab!);
      logp[l] = logits[id]! - logSum;
      for (let c = 0; c < cols!; c++) {
        let mean = 0;
        for (let v = 0; v < vocab!; v++) mean += probabilities[v]! * w![v * cols! + c]!;
        dh[l * cols! + c] = w![id * cols! + c]! - mean;
      }
    });
    return { logp, dh };
  },
  onnx: (_dims, _attrs: Attributes) => [
    ...logprobNodes(),
    { op: "Gemm", in: ["e", "w"], out: ["weighted"] },
    { op: "Div", in: ["weighted", "sum"], out: ["mean"] },
    { op: "Gather", in: ["w", "ids"], out: ["own"], attrs: { axis: 0 } },
    { op: "Sub", in: ["own", "mean"], out: ["dh"] },
  ],
  wgsl: (dims, _attrs, limits) =>
    labelLogprobShaders("label_logprob_unit", dims, limits, { logp: true, dh: "unit" }),
  grad: null,
  samples: labelSamples,
  tolerance: { atol: 2e-5, rtol: 1e-5 },
};
