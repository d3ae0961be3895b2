/**
 * How far each row's distribution is from a reference's: the Kullback–Leibler divergence over the whole vocabulary, which ASFT adds to its loss.
 * @module
 */
import { f64 } from "../../../formats/elements.ts";
import { defineKernel, type Sample } from "../../kernel.ts";
import { constantNode, type OnnxNode } from "../../onnx_node.ts";
import { row, softmax, zip } from "../../vectors.ts";
import type { WgslLimits, WgslProgram } from "../../wgsl_program.ts";
import { scaleRows } from "../arithmetic/scale_rows.ts";
import { workgroupMemory, workgroupReduce } from "../wgsl/reduce.ts";
import { elementsOf, rowParts, shader, threadsFor } from "../wgsl/shader.ts";

const inputs = { z: ["rows", "vocab"], z_ref: ["rows", "vocab"] } as const;
const tolerance = { atol: 2e-5, rtol: 1e-5 };

const samples: Sample[] = [
  { dims: { rows: 1, vocab: 1 }, note: "one token" },
  { dims: { rows: 5, vocab: 33 }, range: { z: [-2, 2], z_ref: [-3, 1] }, note: "odd sizes" },
  { dims: { rows: 12, vocab: 130 }, note: "many rows" },
  { dims: { rows: 2, vocab: 700 }, range: { z: [-4, 4], z_ref: [-4, 4] }, note: "more than a workgroup" },
  {
    // 200 and more nats apart, and tokens whose probability is 0 under the reference.
    dims: { rows: 2, vocab: 3 },
    data: { z: [0, 300, -10, -200, -201, -202], z_ref: [200, 0, -300, -200, -201, -202] },
    gradient: false,
    note: "far apart, and equal far below 0",
  },
];

function distributions(z: Float64Array, z_ref: Float64Array, r: number, vocab: number) {
  const own = row(z, r, vocab), under = row(z_ref, r, vocab), p = softmax(own), q = softmax(under);
  let divergence = 0;
  q.weights.forEach((weight, v) => {
    if (weight > 0) divergence += weight * ((f64(under, v) - q.logSum) - (f64(own, v) - p.logSum));
  });
  return { divergence, change: zip((a, b) => a - b, p.weights, q.weights) };
}

function nodes(unit: boolean): OnnxNode[] {
  return [
    constantNode("last", "i64", [-1]),
    { op: "LogSoftmax", in: ["z"], out: ["log_p"], attrs: { axis: -1 } },
    { op: "LogSoftmax", in: ["z_ref"], out: ["log_q"], attrs: { axis: -1 } },
    { op: "Exp", in: ["log_q"], out: ["q"] },
    { op: "Sub", in: ["log_q", "log_p"], out: ["apart"] },
    { op: "Mul", in: ["q", "apart"], out: ["products"] },
    { op: "ReduceSum", in: ["products", "last"], out: ["divergence"], attrs: { keepdims: 0 } },
    ...unit
      ? [{ op: "Exp", in: ["log_p"], out: ["p"] }, { op: "Sub", in: ["p", "q"], out: ["dz"] }] as const
      : [],
  ];
}

function shaders(
  { rows, vocab }: { rows: number; vocab: number },
  unit: boolean,
  limits: WgslLimits,
): WgslProgram {
  const threads = threadsFor(vocab), each = `for (var v = lane; v < ${vocab}u; v += ${threads}u)`;
  return {
    dispatches: rowParts(rows, vocab, limits).map((taken) => {
      const part = elementsOf(taken, vocab);
      return shader({
        label: unit ? "row_divergence_unit" : "row_divergence",
        threads,
        subgroups: limits.subgroups,
        read: { z: { part }, z_ref: { part } },
        write: { divergence: {}, ...(unit && { dz: { part } }) },
        sizes: { first: taken.first },
        workgroups: taken.count,
        declarations: workgroupMemory(["top", "top_ref", "sum", "sum_ref", "total"], threads, limits),
        body: `  let start = workgroup * ${vocab}u;
  var top = -3.4028234e38f; var top_ref = top;
  ${each} { top = max(top, z[start + v]); top_ref = max(top_ref, z_ref[start + v]); }
${workgroupReduce("top", threads, limits, "max")}
${workgroupReduce("top_ref", threads, limits, "max")}
  var sum = 0f; var sum_ref = 0f;
  ${each} { sum += exp(z[start + v] - top); sum_ref += exp(z_ref[start + v] - top_ref); }
${workgroupReduce("sum", threads, limits)}
${workgroupReduce("sum_ref", threads, limits)}
  let log_sum = log(sum); let log_sum_ref = log(sum_ref);
  var total = 0f;
  ${each} {
    let log_p = (z[start + v] - top) - log_sum;
    let log_q = (z_ref[start + v] - top_ref) - log_sum_ref;
    let q = exp(log_q);
    total += q * (log_q - log_p);
    ${unit ? "dz[start + v] = exp(log_p) - q;" : ""}
  }
${workgroupReduce("total", threads, limits)}
  if (lane == 0u) { divergence[sizes.first + workgroup] = total; }`,
      });
    }),
  };
}

/**
 * {@linkcode rowDivergence} together with its gradient `dz[r] = ∂divergence[r]/∂z[r] = softmax(z[r]) − softmax(z_ref[r])`, `[rows, vocab]`.
 */
export const rowDivergenceUnit = defineKernel({
  name: "row_divergence_unit",
  inputs,
  outputs: { divergence: ["rows"], dz: ["rows", "vocab"] },
  reference: ({ z, z_ref }, { rows, vocab }) => {
    const divergence = new Float64Array(rows), dz = new Float64Array(z.length);
    for (let r = 0; r < rows; r++) {
      const found = distributions(z, z_ref, r, vocab);
      divergence[r] = found.divergence;
      dz.set(found.change, r * vocab);
    }
    return { divergence, dz };
  },
  onnx: () => nodes(true),
  wgsl: (dims, _attrs, limits) => shaders(dims, true, limits),
  grad: null,
  samples,
  tolerance,
});

/**
 * `divergence[r] = Σ_v q_v (log q_v − log p_v)` (nats, ≥ 0), KL(q ‖ p), of p = softmax(`z[r]`) and the reference's q = softmax(`z_ref[r]`), which
 * are constants to the gradient: what `torch.nn.functional.kl_div(log_softmax(z), softmax(z_ref))` sums to in a row. `[rows, vocab]` each.
 */
export const rowDivergence = defineKernel({
  name: "row_divergence",
  inputs,
  outputs: { divergence: ["rows"] },
  constants: ["z_ref"],
  reference: ({ z, z_ref }, { rows, vocab }) => ({
    divergence: Float64Array.from(
      { length: rows },
      (_, r) => distributions(z, z_ref, r, vocab).divergence,
    ),
  }),
  onnx: () => nodes(false),
  wgsl: (dims, _attrs, limits) => shaders(dims, false, limits),
  grad: (g, { inputs, gradients: { divergence: factor } }) => ({
    z: g.run(scaleRows, { x: g.run(rowDivergenceUnit, inputs).dz, factor }).y,
  }),
  samples,
  tolerance,
});
