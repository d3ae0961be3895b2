/**
 * The factor of gradient clipping where the norm's square is on the device, so that a step needn't wait for it.
 * @module
 */
import { f64 } from "../../../formats/elements.ts";
import { defineKernel } from "../../kernel.ts";
import { constantNode } from "../../onnx_node.ts";
import { HYPER } from "./adamw.ts";
import { literal, shader } from "../wgsl/shader.ts";

/** Added to the norm, as torch.nn.utils.clip_grad_norm_ does. */
const EPSILON = 1e-6;
const LARGEST = 3.4028234663852886e38;

/**
 * `next = given`, but its entry 3, the largest norm (0: no clipping), becomes the factor min(1, largest / (√total + 1e-6)), or −1
 * where `total`, the sum of all squares, isn't finite: `adamw` changes nothing then. `total` is `[one]`, `given` and `next` `[hyper]`.
 */
export const clipHyper = defineKernel({
  name: "clip_hyper",
  inputs: { total: ["one"], given: ["hyper"] },
  outputs: { next: ["hyper"] },
  reference: ({ total, given }) => {
    const square = f64(total, 0), most = f64(given, HYPER.clip), next = given.slice();
    const factor = most === 0 ? 1 : Math.min(1, most / (Math.sqrt(square) + EPSILON));
    next[HYPER.clip] = square <= LARGEST ? factor : -1;
    return { next };
  },
  onnx: () => [
    constantNode("parts", "i64", [HYPER.clip, 1]),
    { op: "Split", in: ["given", "parts"], out: ["front", "most"] },
    constantNode("epsilon", "f32", [EPSILON]),
    constantNode("zero", "f32", [0]),
    constantNode("one", "f32", [1]),
    constantNode("refused", "f32", [-1]),
    constantNode("largest", "f32", [LARGEST]),
    { op: "Sqrt", in: ["total"], out: ["norm"] },
    { op: "Add", in: ["norm", "epsilon"], out: ["divisor"] },
    { op: "Div", in: ["most", "divisor"], out: ["ratio"] },
    // Min would take one of NaN and a number; the comparison says which.
    { op: "Less", in: ["ratio", "one"], out: ["less"] },
    { op: "Less", in: ["zero", "most"], out: ["clips"] },
    { op: "And", in: ["less", "clips"], out: ["shrinks"] },
    { op: "Where", in: ["shrinks", "ratio", "one"], out: ["factor"] },
    { op: "LessOrEqual", in: ["total", "largest"], out: ["finite"] },
    { op: "Where", in: ["finite", "factor", "refused"], out: ["own"] },
    { op: "Concat", in: ["front", "own"], out: ["next"], attrs: { axis: 0 } },
  ],
  wgsl: ({ hyper }) => ({
    dispatches: [shader({
      label: "clip_hyper",
      threads: 32,
      read: { total: {}, given: {} },
      write: { next: {} },
      sizes: { count: hyper },
      workgroups: 1,
      // By bits: a compiler of shaders may take it that no number is NaN or infinite.
      body: `  if (lane >= sizes.count) { return; }
  var value = given[lane];
  if (lane == ${HYPER.clip}u) {
    let most = value;
    value = 1f;
    if (most > 0f) { value = min(1f, most / (sqrt(total[0]) + ${literal(EPSILON)})); }
    if ((bitcast<u32>(total[0]) & 0x7f800000u) == 0x7f800000u) { value = -1f; }
  }
  next[lane] = value;`,
    })],
  }),
  grad: null,
  samples: [
    {
      dims: { one: 1, hyper: 4 },
      data: { total: [25], given: [1, 2, 3, 0.5] },
      note: "above the largest norm",
    },
    { dims: { one: 1, hyper: 4 }, data: { total: [0.04], given: [1, 2, 3, 0.5] }, note: "below it" },
    { dims: { one: 1, hyper: 4 }, data: { total: [1e30], given: [1, 2, 3, 0] }, note: "no clipping" },
    { dims: { one: 1, hyper: 4 }, data: { total: [0], given: [1, 2, 3, 1] }, note: "no gradient" },
    { dims: { one: 1, hyper: 4 }, data: { total: [Infinity], given: [1, 2, 3, 1] }, note: "infinite" },
    { dims: { one: 1, hyper: 4 }, data: { total: [NaN], given: [1, 2, 3, 0] }, note: "not a number" },
  ],
  tolerance: { atol: 1e-7, rtol: 1e-6 },
});
