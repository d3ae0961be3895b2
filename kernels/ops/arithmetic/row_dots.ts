/**
 * Dot products of rows, added to a number a row: how far a label's log-probability is moved by smoothing.
 * @module
 */
import { defineKernel, number } from "../../kernel.ts";
import { constantNode } from "../../onnx_node.ts";
import { dot, row } from "../../vectors.ts";
import { scaleRows } from "./scale_rows.ts";
import { workgroupMemory, workgroupReduce } from "../wgsl/reduce.ts";
import { elementsOf, literal, rowParts, shader, threadsFor } from "../wgsl/shader.ts";

/** `y[r] = base[r] + alpha · Σ_c a[r, c] b[r, c]`. Attribute `alpha` (default 1). */
export const rowDots = defineKernel({
  name: "row_dots",
  inputs: { base: ["rows"], a: ["rows", "cols"], b: ["rows", "cols"] },
  outputs: { y: ["rows"] },
  reference: ({ base, a, b }, { cols }, attrs) => ({
    y: base.map((value, r) => value + number(attrs, "alpha", 1) * dot(row(a, r, cols), row(b, r, cols))),
  }),
  onnx: (_dims, attrs) => [
    constantNode("last", "i64", [-1]),
    constantNode("alpha", "f32", number(attrs, "alpha", 1)),
    { op: "Mul", in: ["a", "b"], out: ["products"] },
    { op: "ReduceSum", in: ["products", "last"], out: ["sums"], attrs: { keepdims: 0 } },
    { op: "Mul", in: ["sums", "alpha"], out: ["scaled"] },
    { op: "Add", in: ["base", "scaled"], out: ["y"] },
  ],
  wgsl: ({ rows, cols }, attrs, limits) => {
    const threads = threadsFor(cols);
    return {
      dispatches: rowParts(rows, cols, limits).map((taken) => {
        const part = elementsOf(taken, cols);
        return shader({
          label: "row_dots",
          threads,
          subgroups: limits.subgroups,
          read: { base: {}, a: { part }, b: { part } },
          write: { y: {} },
          sizes: { first: taken.first },
          workgroups: taken.count,
          declarations: workgroupMemory(["sum"], threads, limits),
          body: `  var sum = 0f;
  for (var c = lane; c < ${cols}u; c += ${threads}u) { let i = workgroup * ${cols}u + c; sum += a[i] * b[i]; }
${workgroupReduce("sum", threads, limits)}
  let r = sizes.first + workgroup;
  if (lane == 0u) { y[r] = base[r] + ${literal(number(attrs, "alpha", 1))} * sum; }`,
        });
      }),
    };
  },
  grad: (g, { inputs: { a, b }, gradients: { y: dy }, attrs, needs }) => ({
    base: dy,
    a: needs.has("a") ? g.run(scaleRows, { x: b, factor: dy }, attrs).y : null,
    b: needs.has("b") ? g.run(scaleRows, { x: a, factor: dy }, attrs).y : null,
  }),
  samples: [
    { dims: { rows: 1, cols: 1 }, note: "one element" },
    { dims: { rows: 7, cols: 65 }, attrs: { alpha: -0.1 }, note: "odd sizes, scaled" },
    { dims: { rows: 70, cols: 300 }, note: "more columns than a workgroup has invocations" },
    { dims: { rows: 3, cols: 8 }, range: { base: [-1e4, 1e4] }, note: "large base" },
  ],
  tolerance: { atol: 2e-5, rtol: 1e-6 },
});
