/**
 * Rows of a table by index: the embedding, and the rows of a packed row that have a label.
 * @module
 */
import { defineKernel } from "../../kernel.ts";
import { row } from "../../vectors.ts";
import { gatherNodes } from "../half_onnx.ts";
import { scatterAddRows } from "./scatter_add_rows.ts";
import { elementOf, elementsOf, rowParts, shader, widthOf } from "../wgsl/shader.ts";

/** `y[l] = x[ids[l]]`; ids in 0 … rows − 1. */
export const gatherRows = defineKernel({
  name: "gather_rows",
  inputs: { x: ["rows", "cols"], ids: ["labels"] },
  outputs: { y: ["labels", "cols"] },
  integers: ["ids"],
  halves: ["x"],
  indices: { ids: ({ rows }) => ({ least: 0, below: rows }) },
  reference: ({ x, ids }, { cols }) => {
    const y = new Float64Array(ids.length * cols);
    ids.forEach((id, l) => y.set(row(x, id, cols), l * cols));
    return { y };
  },
  onnx: (_dims, _attrs, target) => gatherNodes(target, "x", "ids", "y"),
  wgsl: ({ rows, cols, labels }, _attrs, limits) => {
    const width = widthOf(cols), wide = cols / width, element = elementOf(width);
    const half = limits.half?.has("x") ?? false;
    return {
      // A table larger than a binding is seen part by part; a part copies the rows that it holds.
      dispatches: rowParts(rows, cols, limits, half).flatMap((table) =>
        rowParts(labels, cols, limits).map((taken) =>
          shader({
            label: "gather_rows",
            threads: 256,
            read: {
              x: { element: elementOf(width, half), part: elementsOf(table, cols) },
              ids: { element: "i32" },
            },
            write: { y: { element, part: elementsOf(taken, cols) } },
            sizes: { count: taken.count * wide, label: taken.first, first: table.first, rows: table.count },
            workgroups: Math.ceil(taken.count * wide / 256),
            body: `  let i = workgroup * 256u + lane;
  if (i >= sizes.count) { return; }
  let row = u32(ids[sizes.label + i / ${wide}u]) - sizes.first;
  if (row < sizes.rows) { y[i] = ${element}(x[row * ${wide}u + i % ${wide}u]); }`,
          })
        )
      ),
    };
  },
  grad: (g, { inputs: { x, ids }, gradients: { y: dy } }) => ({
    x: g.run(scatterAddRows, { like: x, ids, dy }).dx,
  }),
  samples: [
    { dims: { rows: 1, cols: 1, labels: 1 }, data: { ids: [0] }, note: "one element" },
    { dims: { rows: 5, cols: 33, labels: 4 }, data: { ids: [4, 0, 4, 2] }, note: "odd sizes, a row twice" },
    {
      dims: { rows: 3, cols: 130, labels: 2 },
      data: { ids: [2, 1] },
      range: { x: [-1e30, 1e30] },
      gradient: false,
      note: "large",
    },
  ],
  tolerance: { atol: 0, rtol: 1e-7 },
});
