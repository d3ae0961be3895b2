/**
 * The next token of each sequence, chosen where its logits are, so that several tokens need one read.
 * @module
 */
import { f64 } from "../../../formats/elements.ts";
import { defineKernel } from "../../kernel.ts";
import { constantNode } from "../../onnx_node.ts";
import { row } from "../../vectors.ts";
import { elementsOf, rowParts, shader } from "../wgsl/shader.ts";

const THREADS = 256;

/** Index of the first largest. */
function firstLargest(z: Float64Array): number {
  return z.reduce((best, value, i) => value > f64(z, best) ? i : best, 0);
}

/** The index at which the cumulative softmax of z · scale passes `share`. */
function drawn(z: Float64Array, scale: number, share: number): number {
  const max = f64(z, firstLargest(z)), weights = z.map((value) => Math.exp((value - max) * scale));
  let left = share * weights.reduce((a, b) => a + b, 0);
  const found = weights.findIndex((weight) => (left -= weight) < 0);
  return found < 0 ? weights.findLastIndex((weight) => weight > 0) : found;
}

/**
 * `ids [rows]` from `logits [rows, vocab]`: with `scale` 0 the first of the largest; else a draw from softmax(scale · logits), the
 * token at which the sum of probabilities by id passes `share`, in [0, 1). −1 in a row with a logit that isn't finite.
 */
export const chooseToken = defineKernel({
  name: "choose_token",
  inputs: { logits: ["rows", "vocab"], scale: ["rows"], share: ["rows"] },
  outputs: { ids: ["rows"] },
  integerOutputs: ["ids"],
  reference: ({ logits, scale, share }, { vocab }) => ({
    ids: scale.map((factor, r) => {
      const z = row(logits, r, vocab);
      if (!z.every(Number.isFinite)) return -1;
      return factor === 0 ? firstLargest(z) : drawn(z, factor, f64(share, r));
    }),
  }),
  onnx: () => [
    constantNode("zero", "f32", [0]),
    constantNode("one", "f32", [1]),
    constantNode("last", "i64", [-1]),
    constantNode("axis", "i64", 1),
    constantNode("refused", "i64", [-1]),
    { op: "ArgMax", in: ["logits"], out: ["best"], attrs: { axis: 1, keepdims: 0 } },
    { op: "Unsqueeze", in: ["scale", "last"], out: ["factor"] },
    { op: "Unsqueeze", in: ["share", "last"], out: ["wanted"] },
    { op: "Mul", in: ["logits", "factor"], out: ["scaled"] },
    { op: "Softmax", in: ["scaled"], out: ["probability"], attrs: { axis: 1 } },
    { op: "CumSum", in: ["probability", "axis"], out: ["reached"] },
    { op: "LessOrEqual", in: ["reached", "wanted"], out: ["below"] },
    { op: "Cast", in: ["below"], out: ["ones"], attrs: { to: { type: "i64" } } },
    { op: "ReduceSum", in: ["ones", "last"], out: ["passed"], attrs: { keepdims: 0 } },
    // Where rounding leaves the whole sum below the share, the last token that has a probability.
    { op: "Less", in: ["zero", "probability"], out: ["has"] },
    { op: "Cast", in: ["has"], out: ["has64"], attrs: { to: { type: "i64" } } },
    { op: "ArgMax", in: ["has64"], out: ["end"], attrs: { axis: 1, keepdims: 0, select_last_index: 1 } },
    { op: "Min", in: ["passed", "end"], out: ["drawn"] },
    { op: "Less", in: ["zero", "scale"], out: ["draws"] },
    { op: "Where", in: ["draws", "drawn", "best"], out: ["chosen"] },
    // 0 times what isn't finite isn't a number, and no number equals it.
    { op: "Mul", in: ["logits", "zero"], out: ["nothing"] },
    { op: "ReduceSum", in: ["nothing", "last"], out: ["sum"], attrs: { keepdims: 0 } },
    { op: "Equal", in: ["sum", "zero"], out: ["finite"] },
    { op: "Where", in: ["finite", "chosen", "refused"], out: ["ids64"] },
    { op: "Cast", in: ["ids64"], out: ["ids"], attrs: { to: { type: "i32" } } },
  ],
  wgsl: ({ rows, vocab }, _attrs, limits) => ({
    dispatches: rowParts(rows, vocab, limits).map((part) =>
      shader({
        label: "choose_token",
        threads: THREADS,
        read: { logits: { part: elementsOf(part, vocab) }, scale: {}, share: {} },
        write: { ids: { element: "i32" } },
        sizes: { vocab, each: Math.ceil(vocab / THREADS), first: part.first },
        workgroups: part.count,
        declarations: `var<workgroup> values: array<f32, ${THREADS}>;
var<workgroup> places: array<u32, ${THREADS}>;
var<workgroup> broken: array<u32, ${THREADS}>;
var<workgroup> left: f32;
var<workgroup> owner: u32;`,
        // An invocation has a stretch of ids, so that invocations and their sums are in the order of ids.
        body: `  let begin = workgroup * sizes.vocab;
  let start = min(lane * sizes.each, sizes.vocab);
  let to = min(start + sizes.each, sizes.vocab);
  var most = -3.4028234e38f; var place = start; var odd = 0u;
  for (var i = start; i < to; i++) {
    let value = logits[begin + i];
    if ((bitcast<u32>(value) & 0x7f800000u) == 0x7f800000u) { odd = 1u; }
    if (value > most) { most = value; place = i; }
  }
  values[lane] = most; places[lane] = place; broken[lane] = odd;
  workgroupBarrier();
  for (var half = ${THREADS / 2}u; half > 0u; half /= 2u) {
    if (lane < half) {
      let other = lane + half;
      let equal = values[other] == values[lane];
      if (values[other] > values[lane] || (equal && places[other] < places[lane])) {
        values[lane] = values[other];
        places[lane] = places[other];
      }
      broken[lane] |= broken[lane + half];
    }
    workgroupBarrier();
  }
  let max = values[0]; let best = places[0]; let refused = broken[0] != 0u;
  workgroupBarrier();
  let factor = scale[sizes.first + workgroup];
  var sum = 0f;
  for (var i = start; i < to; i++) { sum += exp((logits[begin + i] - max) * factor); }
  values[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    var total = 0f;
    for (var t = 0u; t < ${THREADS}u; t++) { total += values[t]; }
    var rest = share[sizes.first + workgroup] * total;
    var found = 0u; var before = rest;
    for (var t = 0u; t < ${THREADS}u; t++) {
      if (values[t] > 0f) { found = t; before = rest; }
      rest -= values[t];
      if (rest < 0f) { break; }
    }
    left = before;
    owner = found;
  }
  workgroupBarrier();
  if (lane != owner) { return; }
  var id = i32(best);
  if (factor > 0f) {
    var rest = left;
    for (var i = start; i < to; i++) {
      let weight = exp((logits[begin + i] - max) * factor);
      if (weight > 0f) { id = i32(i); }
      rest -= weight;
      if (rest < 0f) { break; }
    }
  }
  ids[sizes.first + workgroup] = select(id, -1, refused);`,
      })
    ),
  }),
  grad: null,
  samples: [
    { dims: { rows: 1, vocab: 1 }, data: { scale: [1], share: [0.5] }, note: "one token" },
    {
      dims: { rows: 4, vocab: 7 },
      data: {
        logits: [1, 3, 2, 3, -1, 0, 3, ...Array(7).fill(0.5), 5, 4, 3, 2, 1, 0, -1, 1, 2, 3, NaN, 5, 6, 7],
        scale: [0, 0, 0, 0],
        share: [0.9, 0.9, 0.9, 0.9],
      },
      note: "the first of equal ones, and none where one isn't a number",
    },
    {
      // Softmax of ln 1, ln 2, ln 3, ln 4 is 0.1, 0.2, 0.3, 0.4; with scale 2 1, 4, 9 and 16 of 30.
      dims: { rows: 6, vocab: 4 },
      data: {
        logits: Array.from({ length: 24 }, (_, i) => Math.log(i % 4 + 1)),
        scale: [1, 1, 1, 1, 2, 2],
        share: [0, 0.25, 0.35, 0.99, 0.1, 0.5],
      },
      note: "draws",
    },
    {
      // The same shares, 200 lower.
      dims: { rows: 5, vocab: 4 },
      data: {
        logits: Array.from({ length: 20 }, (_, i) => Math.log(i % 4 + 1) - 200),
        scale: [1, 1, 1, 2, 0],
        share: [0.05, 0.25, 0.99, 0.1, 0.5],
      },
      note: "all logits so far below 0 that their exponentials are 0",
    },
    {
      // A share that all weights together don't exceed, as rounding may make it: the last token that has a probability.
      dims: { rows: 2, vocab: 600 },
      data: {
        logits: Array.from({ length: 1200 }, (_, i) => i % 600 < 2 || i === 1100 ? 0 : -1e4),
        scale: [1, 1],
        share: [1, 1],
      },
      note: "a share of 1",
    },
    {
      dims: { rows: 3, vocab: 700 },
      data: { scale: [2, 0, 0.5], share: [0.3, 0, 0.9995] },
      range: { logits: [-4, 4] },
      note: "more tokens than invocations",
    },
    {
      dims: { rows: 2, vocab: 300 },
      data: { scale: [50, 0], share: [0.5, 0] },
      range: { logits: [-1e4, 1e4] },
      note: "large logits",
    },
  ],
  tolerance: { atol: 0, rtol: 0 },
});
