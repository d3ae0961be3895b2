/**
 * Adds rows into a table of zeros by index: the gradient of `gatherRows`.
 * @module
 */
import { defineKernel } from "../../kernel.ts";
import { constantNode } from "../../onnx_node.ts";
import { addScaled, row } from "../../vectors.ts";
import { elementOf, elementsOf, rowParts, shader, widthOf } from "../wgsl/shader.ts";

/** `dx[r] = Σ over l with ids[l] = r of dy[l]`; `like` gives the number of rows only. */
export const scatterAddRows = defineKernel({
  name: "scatter_add_rows",
  inputs: { like: ["rows", "cols"], ids: ["labels"], dy: ["labels", "cols"] },
  outputs: { dx: ["rows", "cols"] },
  integers: ["ids"],
  indices: { ids: ({ rows }) => ({ least: 0, below: rows }) },
  reference: ({ ids, dy }, { rows, cols }) => {
    const dx = new Float64Array(rows * cols);
    ids.forEach((id, l) => addScaled(row(dx, id, cols), row(dy, l, cols), 1));
    return { dx };
  },
  onnx: () => [
    { op: "Shape", in: ["like"], out: ["shape"] },
    { op: "ConstantOfShape", in: ["shape"], out: ["zeros"] },
    { op: "Cast", in: ["ids"], out: ["ids64"], attrs: { to: { type: "i64" } } },
    constantNode("last", "i64", [-1]),
    { op: "Unsqueeze", in: ["ids64", "last"], out: ["index"] },
    { op: "ScatterND", in: ["zeros", "index", "dy"], out: ["dx"], attrs: { reduction: "add" } },
  ],
  // Floats have no atomic addition, and its order would not be fixed. So labels of the same row form a chain in ascending
  // order, and the first of a chain adds all of it. Rows larger than a binding are added part by part, with chains of their own.
  wgsl: ({ rows, cols, labels }, _attrs, limits) => {
    const width = widthOf(cols), wide = cols / width, element = elementOf(width);
    const tables = rowParts(rows, cols, limits).map((table) => ({
      ...table,
      dx: { element, part: elementsOf(table, cols) },
    }));
    const zeros = tables.map(({ count, dx }) =>
      shader({
        label: "scatter_add_rows, zeros",
        threads: 256,
        write: { dx },
        sizes: { count: count * wide },
        workgroups: Math.ceil(count * wide / 256),
        body: `  let i = workgroup * 256u + lane;
  if (i < sizes.count) { dx[i] = ${width === 4 ? "vec4<f32>()" : "0f"}; }`,
      })
    );
    const sums = rowParts(labels, cols, limits).flatMap((given) => [
      shader({
        label: "scatter_add_rows, chains",
        threads: 64,
        read: { ids: { element: "i32" } },
        write: { next: { element: "i32" } },
        sizes: { label: given.first, labels: given.count },
        workgroups: Math.ceil(given.count / 64),
        body: `  let l = workgroup * 64u + lane;
  if (l >= sizes.labels) { return; }
  let id = ids[sizes.label + l];
  var before = 0u;
  while (before < l && ids[sizes.label + before] != id) { before++; }
  var after = l + 1u;
  while (after < sizes.labels && ids[sizes.label + after] != id) { after++; }
  next[2u * l] = i32(after);
  next[2u * l + 1u] = select(0, 1, before == l);`,
      }),
      ...tables.map(({ first, count, dx }) =>
        shader({
          label: "scatter_add_rows",
          threads: 256,
          read: {
            ids: { element: "i32" },
            next: { element: "i32" },
            dy: { element, part: elementsOf(given, cols) },
          },
          write: { dx },
          sizes: { label: given.first, labels: given.count, first, rows: count },
          workgroups: Math.ceil(given.count * wide / 256),
          body: `  let i = workgroup * 256u + lane;
  var l = i / ${wide}u; let c = i % ${wide}u;
  if (l >= sizes.labels || next[2u * l + 1u] == 0) { return; }
  let row = u32(ids[sizes.label + l]) - sizes.first;
  if (row >= sizes.rows) { return; }
  var sum = dy[i];
  for (l = u32(next[2u * l]); l < sizes.labels; l = u32(next[2u * l])) { sum += dy[l * ${wide}u + c]; }
  dx[row * ${wide}u + c] += sum;`,
        })
      ),
    ]);
    return { temporaries: { next: 2 * labels }, dispatches: [...zeros, ...sums] };
  },
  grad: null,
  samples: [
    { dims: { rows: 1, cols: 1, labels: 1 }, data: { ids: [0] }, note: "one element" },
    { dims: { rows: 5, cols: 33, labels: 4 }, data: { ids: [4, 0, 4, 2] }, note: "odd sizes, a row twice" },
    {
      dims: { rows: 70, cols: 3, labels: 131 },
      data: { ids: Array.from({ length: 131 }, (_, i) => (i * 7) % 70) },
      note: "many",
    },
  ],
  tolerance: { atol: 1e-6, rtol: 1e-6 },
});
