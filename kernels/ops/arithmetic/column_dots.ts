/**
 * Products of two tensors' columns: the gradient of a factor that a column is multiplied by.
 * @module
 */
import { defineKernel, number } from "../../kernel.ts";
import { constantNode, type OnnxNode } from "../../onnx_node.ts";
import { addScaled, rowsOf, zip } from "../../vectors.ts";
import { columnSums } from "../wgsl/column_sums.ts";
import { literal } from "../wgsl/shader.ts";

/** `y[c] = alpha · Σ_r a[r, c] b[r, c]`. Attribute `alpha` (default 1). No gradient: it only stands in backward passes. */
export const columnDots = defineKernel({
  name: "column_dots",
  inputs: { a: ["rows", "cols"], b: ["rows", "cols"] },
  outputs: { y: ["cols"] },
  reference: ({ a, b }, { cols }, attrs) => {
    const alpha = number(attrs, "alpha", 1), y = new Float64Array(cols);
    for (const products of rowsOf(zip((x, z) => x * z, a, b), cols)) addScaled(y, products, 1);
    return { y: y.map((sum) => alpha * sum) };
  },
  onnx: (_dims, attrs): OnnxNode[] => {
    const alpha = number(attrs, "alpha", 1);
    return [
      { op: "Mul", in: ["a", "b"], out: ["products"] },
      constantNode("axes", "i64", [0]),
      ...alpha === 1 ? [{ op: "ReduceSum", in: ["products", "axes"], out: ["y"], attrs: { keepdims: 0 } }] : [
        { op: "ReduceSum", in: ["products", "axes"], out: ["sum"], attrs: { keepdims: 0 } },
        constantNode("alpha", "f32", alpha),
        { op: "Mul", in: ["sum", "alpha"], out: ["y"] },
      ],
    ];
  },
  wgsl: ({ rows, cols }, attrs, limits) =>
    columnSums({
      label: "column_dots",
      rows,
      cols,
      inputs: ["a", "b"],
      output: "y",
      value: ({ a, b }) => `${literal(number(attrs, "alpha", 1))} * ${a} * ${b}`,
    }, limits),
  grad: null,
  samples: [
    { dims: { rows: 1, cols: 1 }, note: "one element" },
    { dims: { rows: 130, cols: 65 }, note: "more rows than a workgroup" },
    {
      dims: { rows: 33, cols: 3 },
      attrs: { alpha: -1 },
      range: { a: [-1e3, 1e3] },
      note: "cancellation, taken away",
    },
  ],
  tolerance: { atol: 1e-4, rtol: 1e-5 },
});
