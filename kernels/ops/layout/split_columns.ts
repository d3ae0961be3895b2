/**
 * Columns of a matrix as two: queries beside keys and values, or gates beside what they let through, of one product (Phi-3).
 * @module
 */
import { defineKernel, fixedSizes, number } from "../../kernel.ts";
import { constantNode } from "../../onnx_node.ts";
import type { Value } from "../../value.ts";
import { row, rowsOf } from "../../vectors.ts";
import { joinColumns } from "./join_columns.ts";
import { scale } from "../arithmetic/scale.ts";
import { columnParts } from "../wgsl/column_parts.ts";

/** `a`, the first `left` columns of `x`, and `b`, the `right` ones behind them. Attribute `left`, 1 to cols − 1. */
export const splitColumns = defineKernel({
  name: "split_columns",
  inputs: { x: ["rows", "cols"] },
  outputs: { a: ["rows", "left"], b: ["rows", "right"] },
  outputSizes: (dims, attrs) => {
    const { cols } = fixedSizes(dims, "cols"), left = number(attrs, "left");
    if (Number.isSafeInteger(left) && left >= 1 && left < cols) return { left, right: cols - left };
    throw new RangeError(
      `Cannot split ${cols} columns: left needs a whole number from 1 to ${
        cols - 1
      }: current value is ${left}`,
    );
  },
  reference: ({ x }, { rows, cols, left, right }) => {
    const a = new Float64Array(rows * left), b = new Float64Array(rows * right);
    [...rowsOf(x, cols)].forEach((values, r) => {
      row(a, r, left).set(values.subarray(0, left));
      row(b, r, right).set(values.subarray(left));
    });
    return { a, b };
  },
  onnx: (dims) => {
    const { left, right } = fixedSizes(dims, "left", "right");
    return [
      constantNode("sizes", "i64", [left, right]),
      { op: "Split", in: ["x", "sizes"], out: ["a", "b"], attrs: { axis: 1 } },
    ];
  },
  wgsl: (dims, _attrs, limits) => ({
    dispatches: columnParts({ label: "split_columns", whole: "x", takesApart: true }, dims, limits),
  }),
  grad: (g, { outputs, gradients }) => {
    // A half that nothing uses has a gradient of zeros.
    const of = (gradient: Value | null, half: Value) => gradient ?? g.run(scale, { x: half }, { alpha: 0 }).y;
    const halves = { a: of(gradients.a, outputs.a), b: of(gradients.b, outputs.b) };
    return { x: g.run(joinColumns, halves).y };
  },
  samples: [
    { dims: { rows: 1, cols: 2, left: 1, right: 1 }, attrs: { left: 1 }, note: "one column each" },
    { dims: { rows: 7, cols: 40, left: 33, right: 7 }, attrs: { left: 33 }, note: "odd sizes" },
    {
      dims: { rows: 70, cols: 24, left: 8, right: 16 },
      attrs: { left: 8 },
      range: { x: [-1e30, 1e30] },
      gradient: false,
      note: "more rows than a workgroup, large",
    },
  ],
  tolerance: { atol: 0, rtol: 1e-7 },
});
