/**
 * Two matrices side by side: the gradient of `split_columns`.
 * @module
 */
import { defineKernel, fixedSizes } from "../../kernel.ts";
import { row, rowsOf } from "../../vectors.ts";
import { columnParts } from "../wgsl/column_parts.ts";

/** `y`, the columns of `a` and behind them those of `b`. */
export const joinColumns = defineKernel({
  name: "join_columns",
  inputs: { a: ["rows", "left"], b: ["rows", "right"] },
  outputs: { y: ["rows", "cols"] },
  outputSizes: (dims) => {
    const { left, right } = fixedSizes(dims, "left", "right");
    return { cols: left + right };
  },
  reference: ({ a, b }, { rows, cols, left, right }) => {
    const y = new Float64Array(rows * cols);
    [...rowsOf(y, cols)].forEach((values, r) => {
      values.set(row(a, r, left));
      values.set(row(b, r, right), left);
    });
    return { y };
  },
  onnx: () => [{ op: "Concat", in: ["a", "b"], out: ["y"], attrs: { axis: 1 } }],
  wgsl: (dims, _attrs, limits) => ({
    dispatches: columnParts({ label: "join_columns", whole: "y", takesApart: false }, dims, limits),
  }),
  grad: null,
  samples: [
    { dims: { rows: 1, cols: 2, left: 1, right: 1 }, note: "one column each" },
    { dims: { rows: 7, cols: 40, left: 33, right: 7 }, note: "odd sizes" },
    {
      dims: { rows: 70, cols: 24, left: 8, right: 16 },
      range: { a: [-1e30, 1e30] },
      note: "more rows than a workgroup, large",
    },
  ],
  tolerance: { atol: 0, rtol: 1e-7 },
});
