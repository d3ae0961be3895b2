/**
 * Adds a bias to every row.
 * @module
 */
import { defineKernel } from "../../kernel.ts";
import { addScaled, rowsOf } from "../../vectors.ts";
import { sumRows } from "./sum_rows.ts";
import { elementwise } from "../wgsl/elementwise.ts";

/** `y[r, c] = x[r, c] + bias[c]`. */
export const addBias = defineKernel({
  name: "add_bias",
  inputs: { x: ["rows", "cols"], bias: ["cols"] },
  outputs: { y: ["rows", "cols"] },
  reference: ({ x, bias }, { cols }) => {
    const y = x.slice();
    for (const row of rowsOf(y, cols)) addScaled(row, bias, 1);
    return { y };
  },
  onnx: () => [{ op: "Add", in: ["x", "bias"], out: ["y"] }],
  wgsl: ({ rows, cols }, _attrs, limits) => ({
    dispatches: elementwise({
      label: "add_bias",
      rows,
      cols,
      inputs: { x: "element", bias: "column" },
      outputs: ({ x, bias }) => ({ y: `${x} + ${bias}` }),
    }, limits),
  }),
  grad: (g, { gradients: { y: dy }, needs }) => ({
    x: dy,
    bias: needs.has("bias") ? g.run(sumRows, { x: dy }).y : null,
  }),
  cheap: true,
  samples: [
    { dims: { rows: 1, cols: 1 }, note: "one element" },
    { dims: { rows: 7, cols: 65 }, note: "odd sizes" },
    {
      dims: { rows: 131, cols: 3 },
      range: { bias: [-1e4, 1e4] },
      note: "large bias, more rows than a workgroup",
    },
  ],
  tolerance: { atol: 1e-6, rtol: 1e-6 },
});
