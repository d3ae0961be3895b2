/**
 * Gradient of SwiGLU: with s = σ(gate), dup = dy · gate · s; dgate = dy · up · s (1 + gate (1 − s)).
 * @module
 */
import { defineKernel } from "../../kernel.ts";
import { constantNode, nativeNode } from "../../onnx_node.ts";
import { zip } from "../../vectors.ts";
import { elementwise, SIGMOID } from "../wgsl/elementwise.ts";

/** `dgate` and `dup` of `swiglu`. */
export const swigluGrad = defineKernel({
  name: "swiglu_grad",
  inputs: { gate: ["rows", "cols"], up: ["rows", "cols"], dy: ["rows", "cols"] },
  outputs: { dgate: ["rows", "cols"], dup: ["rows", "cols"] },
  reference: ({ gate, up, dy }) => {
    const sigmoid = gate.map((v) => 1 / (1 + Math.exp(-v)));
    return {
      dgate: zip((v, u, s, d) => d * u * s * (1 + v * (1 - s)), gate, up, sigmoid, dy),
      dup: zip((v, s, d) => d * v * s, gate, sigmoid, dy),
    };
  },
  // s (1 + gate (1 − s)) = s + silu (1 − s) = s + silu − silu·s, which needs no constant and one pass less.
  onnx: (_dims, _attrs, { native }) =>
    native ? [nativeNode("SwigluGrad", ["gate", "up", "dy"], ["dgate", "dup"])] : [
      { op: "Sigmoid", in: ["gate"], out: ["s"] },
      { op: "Mul", in: ["gate", "s"], out: ["silu"] },
      { op: "Mul", in: ["dy", "silu"], out: ["dup"] },
      constantNode("one", "f32", 1),
      { op: "Sub", in: ["one", "s"], out: ["rest"] },
      { op: "Mul", in: ["silu", "rest"], out: ["curved"] },
      { op: "Add", in: ["s", "curved"], out: ["slope"] },
      { op: "Mul", in: ["dy", "up"], out: ["dyup"] },
      { op: "Mul", in: ["dyup", "slope"], out: ["dgate"] },
    ],
  wgsl: ({ rows, cols }, _attrs, limits) => ({
    dispatches: elementwise({
      label: "swiglu_grad",
      rows,
      cols,
      inputs: { gate: "element", up: "element", dy: "element" },
      declarations: SIGMOID,
      outputs: ({ gate, up, dy }, keep) => {
        const s = keep("s", `sigmoid(${gate})`);
        return {
          dgate: `${dy} * ${up} * ${s} * (1f + ${gate} * (1f - ${s}))`,
          dup: `${dy} * ${gate} * ${s}`,
        };
      },
    }, limits),
  }),
  grad: null,
  samples: [
    { dims: { rows: 1, cols: 1 }, note: "one element" },
    { dims: { rows: 7, cols: 65 }, range: { gate: [-6, 6] }, note: "odd sizes" },
    { dims: { rows: 130, cols: 5 }, range: { gate: [-100, 100] }, note: "saturated gate" },
  ],
  tolerance: { atol: 1e-5, rtol: 1e-5 },
});
