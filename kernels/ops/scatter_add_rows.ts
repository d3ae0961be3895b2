/**
 * Adds rows into a table of zeros by index: the gradient of {@linkcode gatherRows}.
 * @module
 */
import { constant, type Kernel } from "../kernel.ts";

/** `dx[r] = Σ over l with ids[l] = r of dy[l]`; `like` gives the number of rows only. */
export const scatterAddRows: Kernel = {
  name: "scatter_add_rows",
  inputs: { like: ["rows", "cols"], ids: ["labels"], dy: ["labels", "cols"] },
  outputs: { dx: ["rows", "cols"] },
  integers: ["ids"],
  reference: ({ ids, dy }, { rows, cols }) => {
    const dx = new Float64Array(rows! * cols!);
    ids!.forEach((id, l) => {
      for (let c = 0; c < cols!; c++) dx[id * cols! + c]! += dy![l * cols! + c]!;
    });
    return { dx };
  },
  onnx: () => [
    { op: "Shape", in: ["like"], out: ["shape"] },
    { op: "ConstantOfShape", in: ["shape"], out: ["zeros"] },
    { op: "Cast", in: ["ids"], out: ["ids64"], attrs: { to: { type: "i64" } } },
    constant("last", "i64", [-1]),
    { op: "Unsqueeze", in: ["ids64", "last"], out: ["index"] },
    { op: "ScatterND", in: ["zeros", "index", "dy"], out: ["dx"], attrs: { reduction: "add" } },
  ],
  wgsl: null,
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
};
