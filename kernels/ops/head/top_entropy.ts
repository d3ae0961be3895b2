/**
 * Entropy of each row's likeliest tokens, by which EAFT weighs a token's loss.
 * @module
 */
import { f64 } from "../../../formats/elements.ts";
import { defineKernel, fixedSizes, number } from "../../kernel.ts";
import { constantNode } from "../../onnx_node.ts";
import { row, softmax } from "../../vectors.ts";
import { workgroupMemory, workgroupReduce } from "../wgsl/reduce.ts";
import { elementsOf, rowParts, shader, threadsFor } from "../wgsl/shader.ts";

/**
 * `entropy[r] = −Σ p log p` (nats, ≥ 0) of the softmax over the `count` largest of `z[r]`, `[rows, vocab]`, or over all where there are fewer:
 * LLaMA-Factory's `eaft_loss_func` with 20. Attribute `count` ≥ 1. No gradient: weights are constants to it.
 */
export const topEntropy = defineKernel({
  name: "top_entropy",
  inputs: { z: ["rows", "vocab"] },
  outputs: { entropy: ["rows"] },
  reference: ({ z }, { rows, vocab }, attrs) => ({
    entropy: Float64Array.from({ length: rows }, (_, r) => {
      const top = row(z, r, vocab).toSorted().slice(-number(attrs, "count")),
        { weights, logSum } = softmax(top);
      return weights.reduce((sum, p, i) => sum + (p > 0 ? p * (logSum - f64(top, i)) : 0), 0);
    }),
  }),
  onnx: (dims, attrs) => {
    const { vocab } = fixedSizes(dims, "vocab");
    return [
      constantNode("count", "i64", [Math.min(number(attrs, "count"), vocab)]),
      constantNode("last", "i64", [-1]),
      { op: "TopK", in: ["z", "count"], out: ["top", "places"], attrs: { axis: -1 } },
      { op: "LogSoftmax", in: ["top"], out: ["log_p"], attrs: { axis: -1 } },
      { op: "Exp", in: ["log_p"], out: ["p"] },
      { op: "Mul", in: ["p", "log_p"], out: ["products"] },
      { op: "ReduceSum", in: ["products", "last"], out: ["sum"], attrs: { keepdims: 0 } },
      { op: "Neg", in: ["sum"], out: ["entropy"] },
    ];
  },
  wgsl: ({ rows, vocab }, attrs, limits) => {
    const threads = threadsFor(vocab), count = Math.min(number(attrs, "count"), vocab);
    return {
      dispatches: rowParts(rows, vocab, limits).map((taken) =>
        shader({
          label: "top_entropy",
          threads,
          subgroups: limits.subgroups,
          read: { z: { part: elementsOf(taken, vocab) } },
          write: { entropy: {} },
          sizes: { first: taken.first },
          workgroups: taken.count,
          declarations: `${workgroupMemory(["most", "equal"], threads, limits)}
var<workgroup> all_most: f32;
var<workgroup> all_equal: f32;`,
          // The next value below the last one found, and how many tokens have it: no list is kept, and equal ones count each.
          body: `  let start = workgroup * ${vocab}u;
  var below = 3.4028234e38f; var top = 0f; var left = ${count}f; var sum = 0f; var mean = 0f; var first = true;
  while (left > 0f) {
    var most = -3.4028234e38f;
    for (var v = lane; v < ${vocab}u; v += ${threads}u) {
      let value = z[start + v];
      if (value < below || first) { most = max(most, value); }
    }
${workgroupReduce("most", threads, limits, "max")}
    if (lane == 0u) { all_most = most; }
    let found = workgroupUniformLoad(&all_most);
    var equal = 0f;
    for (var v = lane; v < ${vocab}u; v += ${threads}u) { equal += f32(z[start + v] == found); }
${workgroupReduce("equal", threads, limits)}
    if (lane == 0u) { all_equal = equal; }
    let many = min(left, max(1f, workgroupUniformLoad(&all_equal)));
    if (first) { top = found; }
    let e = exp(found - top) * many;
    sum += e;
    mean += e * (found - top);
    left -= many;
    below = found;
    first = false;
    workgroupBarrier();
  }
  if (lane == 0u) { entropy[sizes.first + workgroup] = log(sum) - mean / sum; }`,
        })
      ),
    };
  },
  grad: null,
  samples: [
    { dims: { rows: 1, vocab: 1 }, attrs: { count: 20 }, note: "one token" },
    {
      dims: { rows: 5, vocab: 7 },
      attrs: { count: 20 },
      range: { z: [-3, 3] },
      note: "fewer than the count",
    },
    { dims: { rows: 67, vocab: 131 }, attrs: { count: 20 }, range: { z: [-3, 3] }, note: "odd sizes" },
    {
      dims: { rows: 3, vocab: 700 },
      attrs: { count: 3 },
      range: { z: [-90, 90] },
      note: "more than a workgroup",
    },
    {
      // ln 2 of two equal ones; the others are too far below to count.
      dims: { rows: 2, vocab: 4 },
      attrs: { count: 3 },
      data: { z: [300, 300, 0, -300, 5, 5, 5, 5] },
      note: "equal ones, and exponentials of 0",
    },
    {
      dims: { rows: 2, vocab: 3 },
      attrs: { count: 2 },
      data: { z: [-200, -201, -202, -1e4, -1e4, -3e4] },
      note: "all so far below 0 that their exponentials are 0",
    },
  ],
  tolerance: { atol: 2e-5, rtol: 1e-5 },
});
