/**
 * Rows of a table replaced by index: the newest keys and values go into the part of a cache that still grows.
 * @module
 */
import { constant, type Kernel } from "../kernel.ts";
import { elementOf, rowParts, shader, widthOf } from "./_wgsl.ts";

/** `z = x`, but `z[ids[l]] = y[l]`; ids are distinct, in 0 … rows − 1. */
export const putRows: Kernel = {
  name: "put_rows",
  inputs: { x: ["rows", "cols"], ids: ["labels"], y: ["labels", "cols"] },
  outputs: { z: ["rows", "cols"] },
  integers: ["ids"],
  reference: ({ x, ids, y }, { cols }) => {
    const z = x!.slice();
    ids!.forEach((id, l) => z.set(y!.subarray(l * cols!, (l + 1) * cols!), id * cols!));
    return { z };
  },
  onnx: () => [
    { op: "Cast", in: ["ids"], out: ["ids64"], attrs: { to: { type: "i64" } } },
    constant("last", "i64", [-1]),
    { op: "Unsqueeze", in: ["ids64", "last"], out: ["index"] },
    { op: "ScatterND", in: ["x", "index", "y"], out: ["z"] },
  ],
  wgsl: ({ rows, cols, labels }, _attrs, limits) => {
    const width = widthOf(cols!), wide = cols! / width, element = elementOf(width);
    return {
      dispatches: rowParts(rows!, cols!, limits).flatMap(({ first, count }) => {
        const part = { first: first * cols!, count: count * cols! };
        const copy = shader({
          label: "put_rows, copy",
          threads: 256,
          read: { x: { element, part } },
          write: { z: { element, part } },
          sizes: { count: count * wide },
          groups: Math.ceil(count * wide / 256),
          body: `  let i = group * 256u + lane;
  if (i < sizes.count) { z[i] = x[i]; }`,
        });
        const put = rowParts(labels!, cols!, limits).map((given) =>
          shader({
            label: "put_rows",
            threads: 256,
            read: {
              ids: { element: "i32" },
              y: { element, part: { first: given.first * cols!, count: given.count * cols! } },
            },
            write: { z: { element, part } },
            sizes: { count: given.count * wide, label: given.first, first, rows: count },
            groups: Math.ceil(given.count * wide / 256),
            body: `  let i = group * 256u + lane;
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
};
