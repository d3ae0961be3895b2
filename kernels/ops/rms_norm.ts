/**
 * RMSNorm (Zhang & Sennrich 2019): every row, or every group of a row, divided by its root mean square.
 * @module
 */
import { constant, float, type Kernel, number, type OnnxNode } from "../kernel.ts";
import { rmsNormGrad, rmsNormWeightGrad } from "./rms_norm_grad.ts";
import { rmsRows } from "./_wgsl_norm.ts";

/**
 * `y = x / √(mean(x²) + eps) ∘ weight` over each of `groups` equal parts of a row (1: the row; heads: Qwen3's q/k norm).
 * Attributes `eps` > 0, `groups` (default 1); `weight` is `[cols / groups]`.
 */
export const rmsNorm: Kernel = {
  name: "rms_norm",
  inputs: { x: ["rows", "cols"], weight: ["group"] },
  outputs: { y: ["rows", "cols"] },
  reference: ({ x, weight }, { group }, attrs) => {
    const eps = number(attrs, "eps"), y = new Float64Array(x!.length);
    for (let start = 0; start < x!.length; start += group!) {
      let sum = 0;
      for (let i = 0; i < group!; i++) sum += x![start + i]! ** 2;
      const inverse = 1 / Math.sqrt(sum / group! + eps);
      for (let i = 0; i < group!; i++) y[start + i] = x![start + i]! * inverse * weight![i]!;
    }
    return { y };
  },
  onnx: (dims, attrs) => {
    const norm = (x: string, y: string): OnnxNode => ({
      op: "SimplifiedLayerNormalization",
      in: [x, "weight"],
      out: [y],
      attrs: { axis: -1, epsilon: float(number(attrs, "eps")), stash_type: 1 },
    });
    if (number(attrs, "groups", 1) === 1) return [norm("x", "y")];
    return [
      constant("grouped", "i64", [-1, dims.group!]),
      { op: "Reshape", in: ["x", "grouped"], out: ["xg"] },
      norm("xg", "yg"),
      constant("flat", "i64", [-1, dims.cols!]),
      { op: "Reshape", in: ["yg", "flat"], out: ["y"] },
    ];
  },
  wgsl: ({ rows, cols, group }, attrs, limits) => ({
    dispatches: rmsRows("rms_norm", rows!, cols!, group!, number(attrs, "eps"), limits, ["x"], "y", {
      value: "x_in[at] * inverse * weight_in[c]",
    }),
  }),
  grad: (g, { inputs, gradients, attrs, needs }) => ({
    x: needs.has("x")
      ? g.run(rmsNormGrad, { x: inputs.x!, weight: inputs.weight!, dy: gradients.y! }, attrs).dx!
      : null,
    weight: needs.has("weight")
      ? g.run(rmsNormWeightGrad, { x: inputs.x!, weight: inputs.weight!, dy: gradients.y! }, attrs).dweight!
      : null,
  }),
  cheap: true,
  samples: [
    { dims: { rows: 1, cols: 1, group: 1 }, attrs: { eps: 1e-5 }, note: "one element" },
    { dims: { rows: 5, cols: 33, group: 33 }, attrs: { eps: 1e-6 }, note: "odd sizes" },
    { dims: { rows: 3, cols: 48, group: 16 }, attrs: { eps: 1e-6, groups: 3 }, note: "three heads" },
    { dims: { rows: 70, cols: 130, group: 130 }, attrs: { eps: 1e-5 }, note: "more than a workgroup" },
    {
      dims: { rows: 2, cols: 8, group: 8 },
      attrs: { eps: 1e-5 },
      range: { x: [-1e-4, 1e-4] },
      note: "eps matters",
    },
    {
      dims: { rows: 2, cols: 8, group: 8 },
      attrs: { eps: 1e-5 },
      range: { x: [-1e6, 1e6] },
      gradient: false,
      note: "large x",
    },
  ],
  tolerance: { atol: 1e-5, rtol: 1e-5 },
};
