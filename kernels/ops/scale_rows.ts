/**
 * Multiplies every row by its own factor: the weights of the labels times their unit gradients.
 * @module
 */
import { defineKernel } from "../kernel.ts";
import { constantNode } from "../onnx_node.ts";
import { addScaled, row } from "../vectors.ts";
import { elementwise } from "./wgsl/elementwise.ts";

/** `y[r, c] = x[r, c] · factor[r]`. No gradient: it only stands in backward passes. */
export const scaleRows = defineKernel({
  name: "scale_rows",
  inputs: { x: ["rows", "cols"], factor: ["rows"] },
  outputs: { y: ["rows", "cols"] },
  reference: ({ x, factor }, { cols }) => {
    const y = new Float64Array(x.length);
    factor.forEach((value, r) => addScaled(row(y, r, cols), row(x, r, cols), value));
    return { y };
  },
  onnx: () => [
    constantNode("last", "i64", [-1]),
    { op: "Unsqueeze", in: ["factor", "last"], out: ["factor2"] },
    { op: "Mul", in: ["x", "factor2"], out: ["y"] },
  ],
  wgsl: ({ rows, cols }, _attrs, limits) => ({
    dispatches: elementwise({
      label: "scale_rows",
      rows,
      cols,
      inputs: { x: "element", factor: "row" },
      outputs: ({ x, factor }) => ({ y: `${x} * ${factor}` }),
    }, limits),
  }),
  grad: null,
  cheap: true,
  samples: [
    { dims: { rows: 1, cols: 1 }, note: "one element" },
    { dims: { rows: 7, cols: 65 }, note: "odd sizes" },
    { dims: { rows: 131, cols: 3 }, range: { factor: [-1e6, 1e6] }, note: "large factors" },
  ],
  tolerance: { atol: 1e-6, rtol: 1e-6 },
});
