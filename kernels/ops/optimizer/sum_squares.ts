/**
 * Sum of squares, for the norm of gradients.
 * @module
 */
import { f64 } from "../../../formats/elements.ts";
import { type Axes, defineKernel, type Kernel, type Sample } from "../../kernel.ts";
import { constantNode } from "../../onnx_node.ts";
import { dot } from "../../vectors.ts";
import type { WgslLimits, WgslProgram } from "../../wgsl_program.ts";
import { matrixSizes, ofRank } from "../matrix.ts";
import { workgroupMemory, workgroupReduce } from "../wgsl/reduce.ts";
import { elementsOf, rowParts, shader } from "../wgsl/shader.ts";

const THREADS = 256;
/** Elements of a workgroup. */
const BAND = 16 * THREADS;
/** Elements up to which one workgroup is done sooner than several and a second dispatch: a LoRA tensor. */
const ALONE = 8 * BAND;

function sumOf<const Shape extends Axes[string]>(name: string, axes: Shape, samples: readonly Sample[]) {
  return defineKernel({
    name,
    inputs: { x: axes, before: ["one"] },
    outputs: { total: ["one"] },
    reference: ({ x, before }) => ({ total: Float64Array.of(f64(before, 0) + dot(x, x)) }),
    onnx: () => [
      { op: "ReduceSumSquare", in: ["x"], out: ["scalar"], attrs: { keepdims: 0 } },
      constantNode("vector", "i64", [1]),
      { op: "Reshape", in: ["scalar", "vector"], out: ["squares"] },
      { op: "Add", in: ["before", "squares"], out: ["total"] },
    ],
    wgsl: (dims, _attrs, limits) => {
      const { rows, cols } = matrixSizes(axes, dims);
      return sumSquaresWgsl(rows, cols, limits);
    },
    grad: null,
    samples,
    tolerance: { atol: 1e-6, rtol: 1e-5 },
  });
}

/** Workgroups sum bands, then one workgroup sums the bands: the same order in every run. Few elements are one workgroup's. */
function sumSquaresWgsl(rows: number, cols: number, limits: WgslLimits): WgslProgram {
  const declarations = workgroupMemory(["sum"], THREADS, limits), { subgroups } = limits;
  if (rows * cols <= ALONE && rowParts(rows, cols, limits).length === 1) {
    return {
      dispatches: [shader({
        label: "sum_squares",
        threads: THREADS,
        read: { x: {}, before: {} },
        write: { total: {} },
        sizes: { count: rows * cols },
        workgroups: 1,
        subgroups,
        declarations,
        body: `  var sum = 0f;
  for (var i = lane; i < sizes.count; i += ${THREADS}u) { sum += x[i] * x[i]; }
${workgroupReduce("sum", THREADS, limits)}
  if (lane == 0u) { total[0] = before[0] + sum; }`,
      })],
    };
  }
  let bands = 0;
  const dispatches = rowParts(rows, cols, limits).map((part) => {
    const elements = elementsOf(part, cols), base = bands, workgroups = Math.ceil(elements.count / BAND);
    bands += workgroups;
    return shader({
      label: "sum_squares, bands",
      threads: THREADS,
      read: { x: { part: elements } },
      write: { bands: {} },
      sizes: { count: elements.count, base },
      workgroups,
      subgroups,
      declarations,
      body: `  var sum = 0f;
  for (var i = workgroup * ${BAND}u + lane; i < min((workgroup + 1u) * ${BAND}u, sizes.count); i += ${THREADS}u) {
    sum += x[i] * x[i];
  }
${workgroupReduce("sum", THREADS, limits)}
  if (lane == 0u) { bands[sizes.base + workgroup] = sum; }`,
    });
  });
  dispatches.push(shader({
    label: "sum_squares, sum of bands",
    threads: THREADS,
    read: { bands: {}, before: {} },
    write: { total: {} },
    sizes: { bands },
    workgroups: 1,
    subgroups,
    declarations,
    body: `  var sum = 0f;
  for (var b = lane; b < sizes.bands; b += ${THREADS}u) { sum += bands[b]; }
${workgroupReduce("sum", THREADS, limits)}
  if (lane == 0u) { total[0] = before[0] + sum; }`,
  }));
  return { dispatches, temporaries: { bands } };
}

/** `total = before + Σ x²` of `x` `[rows, cols]`; `before` and `total` are `[one]`, one element. */
export const sumSquares = sumOf("sum_squares", ["rows", "cols"], [
  { dims: { rows: 1, cols: 1, one: 1 }, note: "one element" },
  { dims: { rows: 7, cols: 65, one: 1 }, note: "odd sizes" },
  { dims: { rows: 130, cols: 67, one: 1 }, note: "more than a band" },
  { dims: { rows: 520, cols: 67, one: 1 }, note: "more than one workgroup takes" },
  { dims: { rows: 3, cols: 5, one: 1 }, range: { x: [-1e18, 1e18] }, note: "large values" },
]);

/** As {@linkcode sumSquares}, `[rows]`: norm weights and biases. */
export const sumSquaresVector = sumOf("sum_squares_vector", ["rows"], [
  { dims: { rows: 1, one: 1 }, note: "one element" },
  { dims: { rows: 65, one: 1 }, note: "odd size" },
  { dims: { rows: 4099, one: 1 }, note: "more than a band" },
]);

type SumSquares = Kernel<Readonly<Record<"x" | "before", readonly string[]>>, { total: readonly string[] }>;

/** The kernel that sums the squares of tensors of a rank. @throws {TypeError} If the rank is neither 1 nor 2. */
export function sumSquaresOfRank(rank: number): SumSquares {
  return ofRank<SumSquares>(rank, { vector: sumSquaresVector, matrix: sumSquares });
}
