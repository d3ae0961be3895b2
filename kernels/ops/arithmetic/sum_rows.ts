/**
 * Sum over rows, the gradient of a bias.
 * @module
 */
import { defineKernel } from "../../kernel.ts";
import { constantNode } from "../../onnx_node.ts";
import { addScaled, rowsOf } from "../../vectors.ts";
import { columnSums } from "../wgsl/column_sums.ts";

/** `y[c] = Σ_r x[r, c]`. */
export const sumRows = defineKernel({
  name: "sum_rows",
  inputs: { x: ["rows", "cols"] },
  outputs: { y: ["cols"] },
  reference: ({ x }, { cols }) => {
    const y = new Float64Array(cols);
    for (const row of rowsOf(x, cols)) addScaled(y, row, 1);
    return { y };
  },
  onnx: () => [
    constantNode("axes", "i64", [0]),
    { op: "ReduceSum", in: ["x", "axes"], out: ["y"], attrs: { keepdims: 0 } },
  ],
  wgsl: ({ rows, cols }, _attrs, limits) =>
    columnSums({ label: "sum_rows", rows, cols, inputs: ["x"], output: "y", value: ({ x }) => x }, limits),
  grad: null,
  samples: [
    { dims: { rows: 1, cols: 1 }, note: "one element" },
    { dims: { rows: 130, cols: 65 }, note: "more rows than a workgroup" },
    { dims: { rows: 33, cols: 3 }, range: { x: [-1e4, 1e4] }, note: "cancellation" },
  ],
  tolerance: { atol: 1e-4, rtol: 1e-5 },
});
