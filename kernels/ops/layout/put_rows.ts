/**
 * Rows of a table replaced by index: the newest keys and values go into the part of a cache that still grows.
 * @module
 */
import { defineKernel } from "../../kernel.ts";
import { constantNode } from "../../onnx_node.ts";
import { row } from "../../vectors.ts";
import { elementOf, elementsOf, rowParts, shader, widthOf } from "../wgsl/shader.ts";

/** `z = x`, but `z[ids[l]] = y[l]`; ids are distinct, in 0 … rows − 1. */
export const putRows = defineKernel({
  name: "put_rows",
  inputs: { x: ["rows", "cols"], ids: ["labels"], y: ["labels", "cols"] },
  outputs: { z: ["rows", "cols"] },
  integers: ["ids"],
  indices: { ids: ({ rows }) => ({ least: 0, below: rows }) },
  reference: ({ x, ids, y }, { cols }) => {
    const z = x.slice();
    ids.forEach((id, l) => z.set(row(y, l, cols), id * cols));
    return { z };
  },
  onnx: () => [
    { op: "Cast", in: ["ids"], out: ["ids64"], attrs: { to: { type: "i64" } } },
    constantNode("last", "i64", [-1]),
    { op: "Unsqueeze", in: ["ids64", "last"], out: ["index"] },
    { op: "ScatterND", in: ["x", "index", "y"], out: ["z"] },
  ],
  wgsl: ({ rows, cols, labels }, _attrs, limits) => {
    const width = widthOf(cols), wide = cols / width, element = elementOf(width);
    return {
      dispatches: rowParts(rows, cols, limits).flatMap((table) => {
        const part = elementsOf(table, cols), { first, count } = table;
        const copy = shader({
          label: "put_rows, copy",
          threads: 256,
          read: { x: { element, part } },
          write: { z: { element, part } },
          sizes: { count: count * wide },
          workgroups: Math.ceil(count * wide / 256),
          body: `  let i = workgroup * 256u + lane;
  if (i < sizes.count) { z[i] = x[i]; }`,
        });
        const put = rowParts(labels, cols, limits).map((given) =>
          shader({
            label: "put_rows",
            threads: 256,
            read: {
              ids: { element: "i32" },
              y: { element, part: elementsOf(given, cols) },
            },
            write: { z: { element, part } },
            sizes: { count: given.count * wide, label: given.first, first, rows: count },
            workgroups: Math.ceil(given.count * wide / 256),
            body: `  let i = workgroup * 256u + lane;
  if (i >= sizes.count) { return; }
  let row = u32(ids[sizes.label + i / ${wide}u]) - sizes.first;
  if (row < sizes.rows) { z[row * ${wide}u + i % ${wide}u] = y[i]; }`,
          })
        );
        return [copy, ...put];
      }),
    };
  },
  grad: null,
  samples: [
    { dims: { rows: 1, cols: 1, labels: 1 }, data: { ids: [0] }, note: "one element" },
    { dims: { rows: 7, cols: 33, labels: 3 }, data: { ids: [6, 0, 3] }, note: "odd sizes" },
    {
      dims: { rows: 70, cols: 8, labels: 35 },
      data: { ids: Array.from({ length: 35 }, (_, i) => (i * 9) % 70) },
      range: { y: [-1e30, 1e30] },
      note: "many, large",
    },
  ],
  tolerance: { atol: 0, rtol: 1e-7 },
});
