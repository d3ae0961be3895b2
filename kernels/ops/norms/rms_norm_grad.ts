/**
 * Gradients of RMSNorm.
 * With w = offset + weight, x̂ = x/rms and c = mean(dy ∘ w ∘ x̂): dx = (dy ∘ w − x̂ c) / rms; dw = Σ_rows dy ∘ x̂.
 * @module
 */
import { defineKernel, fixedSizes, number, type Sample } from "../../kernel.ts";
import { constantNode, floatAttribute, nativeNode, type OnnxNode } from "../../onnx_node.ts";
import { addScaled, dot, row, rowsOf, zip } from "../../vectors.ts";
import { shiftedNodes, shiftedWgsl } from "./_shifted_weight.ts";
import { columnSums } from "../wgsl/column_sums.ts";
import { inverseRmsRows, rmsRows } from "../wgsl/norm.ts";
import { inTurn } from "../wgsl/shader.ts";

const samples: readonly Sample[] = [
  { dims: { rows: 1, cols: 1, group: 1 }, attrs: { eps: 1e-5 }, note: "one element" },
  { dims: { rows: 5, cols: 33, group: 33 }, attrs: { eps: 1e-6 }, note: "odd sizes" },
  { dims: { rows: 3, cols: 48, group: 16 }, attrs: { eps: 1e-6, groups: 3 }, note: "three heads" },
  { dims: { rows: 70, cols: 130, group: 130 }, attrs: { eps: 1e-5 }, note: "more than a workgroup" },
  {
    dims: { rows: 6, cols: 36, group: 12 },
    attrs: { eps: 1e-6, groups: 3, offset: 1 },
    note: "offset weights",
  },
  { dims: { rows: 2, cols: 8, group: 8 }, attrs: { eps: 1e-5 }, range: { x: [-1e4, 1e4] }, note: "large x" },
];

/** Rows of groups, `xg` and `dyg` `[rows · groups, group]`, and `inverse`, 1/rms of each. */
function normalized(group: number, eps: number): OnnxNode[] {
  return [
    constantNode("grouped", "i64", [-1, group]),
    { op: "Reshape", in: ["x", "grouped"], out: ["xg"] },
    { op: "Reshape", in: ["dy", "grouped"], out: ["dyg"] },
    constantNode("last", "i64", [-1]),
    constantNode("count", "f32", group),
    constantNode("eps", "f32", eps),
    { op: "ReduceSumSquare", in: ["xg", "last"], out: ["squares"] },
    { op: "Div", in: ["squares", "count"], out: ["ms"] },
    { op: "Add", in: ["ms", "eps"], out: ["mse"] },
    { op: "Sqrt", in: ["mse"], out: ["rms"] },
    { op: "Reciprocal", in: ["rms"], out: ["inverse"] },
  ];
}

function inverseRms(x: Float64Array, eps: number): number {
  return 1 / Math.sqrt(dot(x, x) / x.length + eps);
}

/** `dx` of `rmsNorm`; same attributes. */
export const rmsNormGrad = defineKernel({
  name: "rms_norm_grad",
  inputs: { x: ["rows", "cols"], weight: ["group"], dy: ["rows", "cols"] },
  outputs: { dx: ["rows", "cols"] },
  reference: ({ x, weight, dy }, { group }, attrs) => {
    const dx = new Float64Array(x.length), eps = number(attrs, "eps"), offset = number(attrs, "offset", 0);
    [...rowsOf(x, group)].forEach((part, index) => {
      const weighted = zip((d, w) => d * (offset + w), row(dy, index, group), weight);
      const inverse = inverseRms(part, eps), c = dot(weighted, part) * inverse / group;
      dx.set(zip((dw, value) => inverse * (dw - value * inverse * c), weighted, part), index * group);
    });
    return { dx };
  },
  onnx: (dims, attrs, { native }) => {
    const { nodes: shift, name: weight } = shiftedNodes(attrs);
    return native
      ? [
        ...shift,
        nativeNode("RmsNormGrad", ["x", weight, "dy"], ["dx"], {
          eps: floatAttribute(number(attrs, "eps")),
        }),
      ]
      : [
        ...shift,
        ...normalized(fixedSizes(dims, "group").group, number(attrs, "eps")),
        { op: "Mul", in: ["dyg", weight], out: ["dw"] },
        { op: "Mul", in: ["dw", "xg"], out: ["dwx"] },
        { op: "ReduceMean", in: ["dwx", "last"], out: ["mean"] },
        { op: "Mul", in: ["mean", "inverse"], out: ["c"] },
        { op: "Mul", in: ["c", "inverse"], out: ["share"] },
        { op: "Mul", in: ["xg", "share"], out: ["xc"] },
        { op: "Sub", in: ["dw", "xc"], out: ["centred"] },
        { op: "Mul", in: ["centred", "inverse"], out: ["dxg"] },
        constantNode("flat", "i64", [-1, fixedSizes(dims, "cols").cols]),
        { op: "Reshape", in: ["dxg", "flat"], out: ["dx"] },
      ];
  },
  wgsl: ({ rows, cols, group }, attrs, limits) => ({
    dispatches: rmsRows({
      label: "rms_norm_grad",
      rows,
      cols,
      groupSize: group,
      eps: number(attrs, "eps"),
      inputs: ["x", "dy"],
      output: "dx",
      sum: ({ x, dy, weight }) => `${dy} * ${shiftedWgsl(weight, attrs)} * ${x}`,
      value: ({ x, dy, weight, inverse, sum, scale }) =>
        `${inverse} * (${dy} * ${
          shiftedWgsl(weight, attrs)
        } - ${x} * (${inverse} * ${inverse} * ${sum} * ${scale}))`,
    }, limits),
  }),
  grad: null,
  samples,
  tolerance: { atol: 1e-5, rtol: 1e-5 },
});

/** `dweight` of `rmsNorm`, summed over rows and groups; same attributes. */
export const rmsNormWeightGrad = defineKernel({
  name: "rms_norm_weight_grad",
  inputs: { x: ["rows", "cols"], weight: ["group"], dy: ["rows", "cols"] },
  outputs: { dweight: ["group"] },
  reference: ({ x, dy }, { group }, attrs) => {
    const dweight = new Float64Array(group), eps = number(attrs, "eps");
    [...rowsOf(x, group)].forEach((part, index) => {
      addScaled(dweight, zip((value, d) => d * value, part, row(dy, index, group)), inverseRms(part, eps));
    });
    return { dweight };
  },
  onnx: (dims, attrs) => [
    ...normalized(fixedSizes(dims, "group").group, number(attrs, "eps")),
    { op: "Mul", in: ["xg", "inverse"], out: ["xh"] },
    { op: "Mul", in: ["dyg", "xh"], out: ["dyx"] },
    constantNode("first", "i64", [0]),
    { op: "ReduceSum", in: ["dyx", "first"], out: ["dweight"], attrs: { keepdims: 0 } },
  ],
  wgsl: ({ rows, cols, group }, attrs, limits) => {
    const groups = rows * cols / group, label = "rms_norm_weight_grad";
    const inverse = { label: `${label}, 1/rms`, rows: groups, cols: group, eps: number(attrs, "eps") };
    return inTurn([
      { temporaries: { inverse: groups }, dispatches: inverseRmsRows(inverse, limits) },
      columnSums({
        label,
        rows: groups,
        cols: group,
        inputs: ["x", "dy"],
        rowInputs: ["inverse"],
        output: "dweight",
        value: ({ x, dy, inverse }) => `${dy} * ${x} * ${inverse}`,
      }, limits),
    ]);
  },
  grad: null,
  samples,
  tolerance: { atol: 2e-5, rtol: 2e-5 },
});
