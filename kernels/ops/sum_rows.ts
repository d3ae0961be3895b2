/**
 * Sum over rows, the gradient of a bias.
 * @module
 */
import { constant, type Kernel } from "../kernel.ts";
import { columnSums } from "./_wgsl.ts";

/** `y[c] = Σ_r x[r, c]`. */
export const sumRows: Kernel = {
  name: "sum_rows",
  inputs: { x: ["rows", "cols"] },
  outputs: { y: ["cols"] },
  reference: ({ x }, { cols }) => {
    const y = new Float64Array(cols!);
    x!.forEach((v, i) => y[i % cols!]! += v);
    return { y };
  },
  onnx: () => [
    constant("axes", "i64", [0]),
    { op: "ReduceSum", in: ["x", "axes"], out: ["y"], attrs: { keepdims: 0 } },
  ],
  wgsl: ({ rows, cols }, _attrs, limits) =>
    columnSums("sum_rows", rows!, cols!, limits, ["x"], "x_in[at]", "y"),
  grad: null,
  samples: [
    { dims: { rows: 1, cols: 1 }, note: "one element" },
    { dims: { rows: 130, cols: 65 }, note: "more rows than a workgroup" },
    { dims: { rows: 33, cols: 3 }, range: { x: [-1e4, 1e4] }, note: "cancellation" },
  ],
  tolerance: { atol: 1e-4, rtol: 1e-5 },
};
