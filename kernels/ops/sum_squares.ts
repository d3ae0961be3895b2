/**
 * Sum of squares, for the norm of gradients.
 * @module
 */
import { constant, type Kernel, type WgslLimits, type WgslProgram } from "../kernel.ts";
import { rowParts, shader, workgroupReduce } from "./_wgsl.ts";

const THREADS = 256;
/** Elements of a workgroup. */
const BAND = 16 * THREADS;
const shared = `var<workgroup> shared_sum: array<f32, ${THREADS}>;`;

const total: Omit<Kernel, "name" | "inputs" | "outputs" | "samples"> = {
  reference: ({ x, before }) => ({
    total: Float64Array.of(x!.reduce((sum, value) => sum + value * value, before![0]!)),
  }),
  onnx: () => [
    { op: "ReduceSumSquare", in: ["x"], out: ["scalar"], attrs: { keepdims: 0 } },
    constant("vector", "i64", [1]),
    { op: "Reshape", in: ["scalar", "vector"], out: ["squares"] },
    { op: "Add", in: ["before", "squares"], out: ["total"] },
  ],
  // A vector is one row.
  wgsl: ({ rows, cols }, _attrs, limits) =>
    cols === undefined ? sumSquaresWgsl(1, rows!, limits) : sumSquaresWgsl(rows!, cols, limits),
  grad: null,
  tolerance: { atol: 1e-6, rtol: 1e-5 },
};

/** Workgroups sum bands, then one workgroup sums the bands: the same order in every run. */
function sumSquaresWgsl(rows: number, cols: number, limits: WgslLimits): WgslProgram {
  let bands = 0;
  const dispatches = rowParts(rows, cols, limits).map(({ first, count }) => {
    const base = bands, groups = Math.ceil(count * cols / BAND);
    bands += groups;
    return shader({
      label: "sum_squares, bands",
      threads: THREADS,
      read: { x: { part: { first: first * cols, count: count * cols } } },
      write: { bands: {} },
      sizes: { count: count * cols, base },
      groups,
      declarations: shared,
      body: `  var sum = 0f;
  for (var i = group * ${BAND}u + lane; i < min((group + 1u) * ${BAND}u, sizes.count); i += ${THREADS}u) {
    sum += x[i] * x[i];
  }
${workgroupReduce("sum", THREADS)}
  if (lane == 0u) { bands[sizes.base + group] = sum; }`,
    });
  });
  dispatches.push(shader({
    label: "sum_squares, sum of bands",
    threads: THREADS,
    read: { bands: {}, before: {} },
    write: { total: {} },
    sizes: { bands },
    groups: 1,
    declarations: shared,
    body: `  var sum = 0f;
  for (var b = lane; b < sizes.bands; b += ${THREADS}u) { sum += bands[b]; }
${workgroupReduce("sum", THREADS)}
  if (lane == 0u) { total[0] = before[0] + sum; }`,
  }));
  return { dispatches, temporaries: { bands } };
}

/** `total = before + Σ x²` of `x` `[rows, cols]`; `before` and `total` are `[one]`, one element. */
export const sumSquares: Kernel = {
  name: "sum_squares",
  inputs: { x: ["rows", "cols"], before: ["one"] },
  outputs: { total: ["one"] },
  ...total,
  samples: [
    { dims: { rows: 1, cols: 1, one: 1 }, note: "one element" },
    { dims: { rows: 7, cols: 65, one: 1 }, note: "odd sizes" },
    { dims: { rows: 130, cols: 67, one: 1 }, note: "more than two workgroups" },
    { dims: { rows: 3, cols: 5, one: 1 }, range: { x: [-1e18, 1e18] }, note: "large values" },
  ],
};

/** As {@linkcode sumSquares}, `[rows]`: norm weights and biases. */
export const sumSquaresVector: Kernel = {
  name: "sum_squares_vector",
  inputs: { x: ["rows"], before: ["one"] },
  outputs: { total: ["one"] },
  ...total,
  samples: [
    { dims: { rows: 1, one: 1 }, note: "one element" },
    { dims: { rows: 65, one: 1 }, note: "odd size" },
    { dims: { rows: 4099, one: 1 }, note: "more than a workgroup" },
  ],
};
