/**
 * Multiplies every row by its own factor: the weights of the labels times their unit gradients.
 * @module
 */
import { constant, type Kernel } from "../kernel.ts";
import { elementwise } from "./_wgsl.ts";

/** `y[r, c] = x[r, c] · factor[r]`. No gradient: it only stands in backward passes. */
export const scaleRows: Kernel = {
  name: "scale_rows",
  inputs: { x: ["rows", "cols"], factor: ["rows"] },
  outputs: { y: ["rows", "cols"] },
  reference: ({ x, factor }, { cols }) => ({ y: x!.map((v, i) => v * factor![Math.floor(i / cols!)]!) }),
  onnx: () => [
    constant("last", "i64", [-1]),
    { op: "Unsqueeze", in: ["factor", "last"], out: ["factor2"] },
    { op: "Mul", in: ["x", "factor2"], out: ["y"] },
  ],
  wgsl: ({ rows, cols }, _attrs, limits) => ({
    dispatches: elementwise("scale_rows", rows!, cols!, limits, [{ name: "x", per: "element" }, {
      name: "factor",
      per: "row",
    }], { y: "x * factor" }),
  }),
  grad: null,
  cheap: true,
  samples: [
    { dims: { rows: 1, cols: 1 }, note: "one element" },
    { dims: { rows: 7, cols: 65 }, note: "odd sizes" },
    { dims: { rows: 131, cols: 3 }, range: { factor: [-1e6, 1e6] }, note: "large factors" },
  ],
  tolerance: { atol: 1e-6, rtol: 1e-6 },
};
