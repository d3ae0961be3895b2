/**
 * Multiplies every row by its own factor: the weights of the labels times their unit gradients, and the gradient of dot products of rows.
 * @module
 */
import { defineKernel, number } from "../../kernel.ts";
import { constantNode } from "../../onnx_node.ts";
import { addScaled, row } from "../../vectors.ts";
import { elementwise } from "../wgsl/elementwise.ts";
import { literal } from "../wgsl/shader.ts";

/** `y[r, c] = alpha · x[r, c] · factor[r]`. Attribute `alpha` (default 1). No gradient: nothing is differentiated through it. */
export const scaleRows = defineKernel({
  name: "scale_rows",
  inputs: { x: ["rows", "cols"], factor: ["rows"] },
  outputs: { y: ["rows", "cols"] },
  reference: ({ x, factor }, { cols }, attrs) => {
    const y = new Float64Array(x.length), alpha = number(attrs, "alpha", 1);
    factor.forEach((value, r) => addScaled(row(y, r, cols), row(x, r, cols), alpha * value));
    return { y };
  },
  onnx: (_dims, attrs) => {
    const alpha = number(attrs, "alpha", 1), plain = alpha === 1;
    return [
      constantNode("last", "i64", [-1]),
      ...plain ? [] : [
        constantNode("alpha", "f32", alpha),
        { op: "Mul", in: ["factor", "alpha"], out: ["scaled"] },
      ],
      { op: "Unsqueeze", in: [plain ? "factor" : "scaled", "last"], out: ["factor2"] },
      { op: "Mul", in: ["x", "factor2"], out: ["y"] },
    ];
  },
  wgsl: ({ rows, cols }, attrs, limits) => ({
    dispatches: elementwise({
      label: "scale_rows",
      rows,
      cols,
      inputs: { x: "element", factor: "row" },
      outputs: ({ x, factor }) => {
        const alpha = number(attrs, "alpha", 1);
        return { y: alpha === 1 ? `${x} * ${factor}` : `${x} * (${literal(alpha)} * ${factor})` };
      },
    }, limits),
  }),
  grad: null,
  cheap: true,
  samples: [
    { dims: { rows: 1, cols: 1 }, note: "one element" },
    { dims: { rows: 7, cols: 65 }, attrs: { alpha: -0.25 }, note: "odd sizes, scaled" },
    { dims: { rows: 131, cols: 3 }, range: { factor: [-1e6, 1e6] }, note: "large factors" },
  ],
  tolerance: { atol: 1e-6, rtol: 1e-6 },
});
