/**
 * RMSNorm (Zhang & Sennrich 2019): every row, or every group of a row, divided by its root mean square.
 * @module
 */
import { defineKernel, fixedSizes, number } from "../../kernel.ts";
import { constantNode, floatAttribute, nativeNode, type OnnxNode } from "../../onnx_node.ts";
import { dot, rowsOf, zip } from "../../vectors.ts";
import { rmsNormGrad, rmsNormWeightGrad } from "./rms_norm_grad.ts";
import { shiftedNodes, shiftedWgsl } from "./_shifted_weight.ts";
import { rmsRows } from "../wgsl/norm.ts";

/**
 * `y = x / √(mean(x²) + eps) ∘ (offset + weight)` over each of `groups` equal parts of a row (1: the row; heads: Qwen3's q/k norm).
 * Attributes `eps` > 0, `groups` (default 1), `offset` (default 0; Gemma's weights are kept less 1); `weight` is `[cols / groups]`.
 */
export const rmsNorm = defineKernel({
  name: "rms_norm",
  inputs: { x: ["rows", "cols"], weight: ["group"] },
  outputs: { y: ["rows", "cols"] },
  reference: ({ x, weight }, { group }, attrs) => {
    const eps = number(attrs, "eps"), offset = number(attrs, "offset", 0), y = new Float64Array(x.length);
    let start = 0;
    for (const part of rowsOf(x, group)) {
      const inverse = 1 / Math.sqrt(dot(part, part) / group + eps);
      y.set(zip((value, w) => value * inverse * (offset + w), part, weight), start);
      start += group;
    }
    return { y };
  },
  onnx: (dims, attrs, { native }) => {
    const eps = floatAttribute(number(attrs, "eps"));
    const { nodes: shift, name: weight } = shiftedNodes(attrs);
    if (native) return [...shift, nativeNode("RmsNorm", ["x", weight], ["y"], { eps })];
    const norm = (x: string, y: string): OnnxNode => ({
      op: "SimplifiedLayerNormalization",
      in: [x, weight],
      out: [y],
      attrs: { axis: -1, epsilon: eps, stash_type: 1 },
    });
    if (number(attrs, "groups", 1) === 1) return [...shift, norm("x", "y")];
    const { group, cols } = fixedSizes(dims, "group", "cols");
    return [
      ...shift,
      constantNode("grouped", "i64", [-1, group]),
      { op: "Reshape", in: ["x", "grouped"], out: ["xg"] },
      norm("xg", "yg"),
      constantNode("flat", "i64", [-1, cols]),
      { op: "Reshape", in: ["yg", "flat"], out: ["y"] },
    ];
  },
  wgsl: ({ rows, cols, group }, attrs, limits) => ({
    dispatches: rmsRows({
      label: "rms_norm",
      rows,
      cols,
      groupSize: group,
      eps: number(attrs, "eps"),
      inputs: ["x"],
      output: "y",
      value: ({ x, weight, inverse }) => `${x} * ${inverse} * ${shiftedWgsl(weight, attrs)}`,
    }, limits),
  }),
  grad: (g, { inputs: { x, weight }, gradients: { y: dy }, attrs, needs }) => ({
    x: needs.has("x") ? g.run(rmsNormGrad, { x, weight, dy }, attrs).dx : null,
    weight: needs.has("weight") ? g.run(rmsNormWeightGrad, { x, weight, dy }, attrs).dweight : null,
  }),
  cheap: true,
  samples: [
    { dims: { rows: 1, cols: 1, group: 1 }, attrs: { eps: 1e-5 }, note: "one element" },
    { dims: { rows: 5, cols: 33, group: 33 }, attrs: { eps: 1e-6 }, note: "odd sizes" },
    { dims: { rows: 3, cols: 48, group: 16 }, attrs: { eps: 1e-6, groups: 3 }, note: "three heads" },
    { dims: { rows: 70, cols: 130, group: 130 }, attrs: { eps: 1e-5 }, note: "more than a workgroup" },
    {
      dims: { rows: 6, cols: 36, group: 12 },
      attrs: { eps: 1e-6, groups: 3, offset: 1 },
      note: "offset weights",
    },
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
});
