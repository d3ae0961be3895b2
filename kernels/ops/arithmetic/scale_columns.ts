/**
 * Multiplies every column by its own factor: DoRA's lengths of a weight's rows, put on what the product gives.
 * @module
 */
import { defineKernel, type Kernel, number } from "../../kernel.ts";
import { constantNode, type OnnxNode } from "../../onnx_node.ts";
import { rowsOf, zip } from "../../vectors.ts";
import { columnDots } from "./column_dots.ts";
import { elementwise } from "../wgsl/elementwise.ts";
import { literal } from "../wgsl/shader.ts";

type In = { x: readonly ["rows", "cols"]; factor: readonly ["cols"] };
type Out = { y: readonly ["rows", "cols"] };

/** `y[r, c] = alpha · x[r, c] · factor[c]`. Attribute `alpha` (default 1). */
export const scaleColumns: Kernel<In, Out> = defineKernel({
  name: "scale_columns",
  inputs: { x: ["rows", "cols"], factor: ["cols"] },
  outputs: { y: ["rows", "cols"] },
  reference: ({ x, factor }, { cols }, attrs) => {
    const alpha = number(attrs, "alpha", 1), y = new Float64Array(x.length);
    let start = 0;
    for (const row of rowsOf(x, cols)) {
      y.set(zip((value, f) => alpha * value * f, row, factor), start);
      start += cols;
    }
    return { y };
  },
  onnx: (_dims, attrs): OnnxNode[] => {
    const alpha = number(attrs, "alpha", 1);
    if (alpha === 1) return [{ op: "Mul", in: ["x", "factor"], out: ["y"] }];
    return [
      constantNode("alpha", "f32", alpha),
      { op: "Mul", in: ["factor", "alpha"], out: ["scaled"] },
      { op: "Mul", in: ["x", "scaled"], out: ["y"] },
    ];
  },
  wgsl: ({ rows, cols }, attrs, limits) => ({
    dispatches: elementwise({
      label: "scale_columns",
      rows,
      cols,
      inputs: { x: "element", factor: "column" },
      outputs: ({ x, factor }) => ({ y: `${x} * (${literal(number(attrs, "alpha", 1))} * ${factor})` }),
    }, limits),
  }),
  grad: (g, { inputs: { x, factor }, gradients: { y: dy }, attrs, needs }) => ({
    x: needs.has("x") ? g.run(scaleColumns, { x: dy, factor }, attrs).y : null,
    factor: needs.has("factor") ? g.run(columnDots, { a: dy, b: x }, attrs).y : null,
  }),
  cheap: true,
  samples: [
    { dims: { rows: 1, cols: 1 }, note: "one element" },
    { dims: { rows: 7, cols: 65 }, attrs: { alpha: -1 }, note: "odd sizes, taken away" },
    { dims: { rows: 131, cols: 12 }, range: { factor: [-1e4, 1e4] }, note: "large factors" },
  ],
  tolerance: { atol: 1e-6, rtol: 1e-6 },
});
