/**
 * Gradients of RMSNorm.
 * With x̂ = x/rms and c = mean(dy ∘ w ∘ x̂): dx = (dy ∘ w − x̂ c) / rms; dw = Σ_rows dy ∘ x̂.
 * @module
 */
import { constant, type Kernel, number, type OnnxNode } from "../kernel.ts";
import { columnSums } from "./_wgsl.ts";
import { inverseRmsRows, rmsRows } from "./_wgsl_norm.ts";

const samples: Kernel["samples"] = [
  { dims: { rows: 1, cols: 1, group: 1 }, attrs: { eps: 1e-5 }, note: "one element" },
  { dims: { rows: 5, cols: 33, group: 33 }, attrs: { eps: 1e-6 }, note: "odd sizes" },
  { dims: { rows: 3, cols: 48, group: 16 }, attrs: { eps: 1e-6, groups: 3 }, note: "three heads" },
  { dims: { rows: 70, cols: 130, group: 130 }, attrs: { eps: 1e-5 }, note: "more than a workgroup" },
  { dims: { rows: 2, cols: 8, group: 8 }, attrs: { eps: 1e-5 }, range: { x: [-1e4, 1e4] }, note: "large x" },
];

/** Rows of groups: `[rows · groups, group]`, x̂ and 1/rms. */
function normalized(group: number, eps: number): OnnxNode[] {
  return [
    constant("grouped", "i64", [-1, group]),
    { op: "Reshape", in: ["x", "grouped"], out: ["xg"] },
    { op: "Reshape", in: ["dy", "grouped"], out: ["dyg"] },
    constant("last", "i64", [-1]),
    { op: "Mul", in: ["xg", "xg"], out: ["xx"] },
    { op: "ReduceMean", in: ["xx", "last"], out: ["ms"] },
    constant("eps", "f32", eps),
    { op: "Add", in: ["ms", "eps"], out: ["mse"] },
    { op: "Sqrt", in: ["mse"], out: ["rms"] },
    { op: "Div", in: ["xg", "rms"], out: ["xh"] },
  ];
}

function inverseRms(x: Float64Array, start: number, group: number, eps: number): number {
  let sum = 0;
  for (let i = 0; i < group; i++) sum += x[start + i]! ** 2;
  return 1 / Math.sqrt(sum / group + eps);
}

/** `dx` of `rmsNorm`; same attributes. */
export const rmsNormGrad: Kernel = {
  name: "rms_norm_grad",
  inputs: { x: ["rows", "cols"], weight: ["group"], dy: ["rows", "cols"] },
  outputs: { dx: ["rows", "cols"] },
  reference: ({ x, weight, dy }, { group }, attrs) => {
    const dx = new Float64Array(x!.length);
    for (let s = 0; s < x!.length; s += group!) {
      const inverse = inverseRms(x!, s, group!, number(attrs, "eps"));
      let c = 0;
      for (let i = 0; i < group!; i++) c += dy![s + i]! * weight![i]! * x![s + i]! * inverse;
      c /= group!;
      for (let i = 0; i < group!; i++) {
        dx[s + i] = inverse * (dy![s + i]! * weight![i]! - x![s + i]! * inverse * c);
      }
    }
    return { dx };
  },
  onnx: (dims, attrs) => [
    ...normalized(dims.group!, number(attrs, "eps")),
    { op: "Mul", in: ["dyg", "weight"], out: ["dw"] },
    { op: "Mul", in: ["dw", "xh"], out: ["dwx"] },
    { op: "ReduceMean", in: ["dwx", "last"], out: ["c"] },
    { op: "Mul", in: ["xh", "c"], out: ["xc"] },
    { op: "Sub", in: ["dw", "xc"], out: ["centred"] },
    { op: "Div", in: ["centred", "rms"], out: ["dxg"] },
    constant("flat", "i64", [-1, dims.cols!]),
    { op: "Reshape", in: ["dxg", "flat"], out: ["dx"] },
  ],
  wgsl: ({ rows, cols, group }, attrs, limits) => ({
    dispatches: rmsRows(
      "rms_norm_grad",
      rows!,
      cols!,
      group!,
      number(attrs, "eps"),
      limits,
      ["x", "dy"],
      "dx",
      {
        sum: "dy_in[at] * weight_in[c] * x_in[at]",
        value: "inverse * (dy_in[at] * weight_in[c] - x_in[at] * (inverse * inverse * sum * scale))",
      },
    ),
  }),
  grad: null,
  samples,
  tolerance: { atol: 1e-5, rtol: 1e-5 },
};

/** `dweight` of `rmsNorm`, summed over rows and groups; same attributes. */
export const rmsNormWeightGrad: Kernel = {
  name: "rms_norm_weight_grad",
  inputs: { x: ["rows", "cols"], weight: ["group"], dy: ["rows", "cols"] },
  outputs: { dweight: ["group"] },
  reference: ({ x, dy }, { group }, attrs) => {
    const dweight = new Float64Array(group!);
    for (let s = 0; s < x!.length; s += group!) {
      const inverse = inverseRms(x!, s, group!, number(attrs, "eps"));
      for (let i = 0; i < group!; i++) dweight[i]! += dy![s + i]! * x![s + i]! * inverse;
    }
    return { dweight };
  },
  onnx: (dims, attrs) => [
    ...normalized(dims.group!, number(attrs, "eps")),
    { op: "Mul", in: ["dyg", "xh"], out: ["dyx"] },
    constant("first", "i64", [0]),
    { op: "ReduceSum", in: ["dyx", "first"], out: ["dweight"], attrs: { keepdims: 0 } },
  ],
  wgsl: ({ rows, cols, group }, attrs, limits) => {
    const groups = rows! * cols! / group!;
    const sums = columnSums(
      "rms_norm_weight_grad",
      groups,
      group!,
      limits,
      ["x", "dy"],
      "dy_in[at] * x_in[at] * inverse[row]",
      "dweight",
      [
        "inverse",
      ],
    );
    return {
      temporaries: { ...sums.temporaries, inverse: groups },
      dispatches: [...inverseRmsRows(groups, group!, number(attrs, "eps"), limits), ...sums.dispatches],
    };
  },
  grad: null,
  samples,
  tolerance: { atol: 2e-5, rtol: 2e-5 },
};
