/**
 * Rows of a table by index: the embedding, and the rows of a packed row that have a label.
 * @module
 */
import type { Kernel } from "../kernel.ts";
import { scatterAddRows } from "./scatter_add_rows.ts";
import { elementOf, rowParts, shader, widthOf } from "./_wgsl.ts";

/** `y[l] = x[ids[l]]`; ids in 0 … rows − 1. */
export const gatherRows: Kernel = {
  name: "gather_rows",
  inputs: { x: ["rows", "cols"], ids: ["labels"] },
  outputs: { y: ["labels", "cols"] },
  integers: ["ids"],
  halves: ["x"],
  reference: ({ x, ids }, { cols }) => {
    const y = new Float64Array(ids!.length * cols!);
    ids!.forEach((id, l) => y.set(x!.subarray(id * cols!, (id + 1) * cols!), l * cols!));
    return { y };
  },
  onnx: () => [{ op: "Gather", in: ["x", "ids"], out: ["y"], attrs: { axis: 0 } }],
  wgsl: ({ rows, cols, labels }, _attrs, limits) => {
    const width = widthOf(cols!), wide = cols! / width, element = elementOf(width);
    const half = limits.half?.has("x") ?? false;
    return {
      // A table larger than a binding is seen part by part; a part copies the rows that it holds.
      dispatches: rowParts(rows!, cols!, limits, half).flatMap((table) =>
        rowParts(labels!, cols!, limits).map((taken) =>
          shader({
            label: "gather_rows",
            threads: 256,
            read: {
              x: {
                element: elementOf(width, half),
                part: { first: table.first * cols!, count: table.count * cols! },
              },
              ids: { element: "i32" },
            },
            write: { y: { element, part: { first: taken.first * cols!, count: taken.count * cols! } } },
            sizes: { count: taken.count * wide, label: taken.first, first: table.first, rows: table.count },
            groups: Math.ceil(taken.count * wide / 256),
            body: `  let i = group * 256u + lane;
  if (i >= sizes.count) { return; }
  let row = u32(ids[sizes.label + i / ${wide}u]) - sizes.first;
  if (row < sizes.rows) { y[i] = ${element}(x[row * ${wide}u + i % ${wide}u]); }`,
          })
        )
      ),
    };
  },
  grad: (g, { inputs, gradients }) => ({
    x: g.run(scatterAddRows, { like: inputs.x!, ids: inputs.ids!, dy: gradients.y! }).dx!,
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
};
