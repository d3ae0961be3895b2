/**
 * SwiGLU (Shazeer 2020): the gated unit of Llama-like feed-forward layers.
 * @module
 */
import { defineKernel } from "../../kernel.ts";
import { nativeNode } from "../../onnx_node.ts";
import { zip } from "../../vectors.ts";
import { swigluGrad } from "./swiglu_grad.ts";
import { elementwise, SIGMOID } from "../wgsl/elementwise.ts";

/** `y = gate · σ(gate) ∘ up`. */
export const swiglu = defineKernel({
  name: "swiglu",
  inputs: { gate: ["rows", "cols"], up: ["rows", "cols"] },
  outputs: { y: ["rows", "cols"] },
  reference: ({ gate, up }) => ({ y: zip((v, u) => v / (1 + Math.exp(-v)) * u, gate, up) }),
  onnx: (_dims, _attrs, { native }) =>
    native ? [nativeNode("Swiglu", ["gate", "up"], ["y"])] : [
      { op: "Sigmoid", in: ["gate"], out: ["s"] },
      { op: "Mul", in: ["gate", "s"], out: ["silu"] },
      { op: "Mul", in: ["silu", "up"], out: ["y"] },
    ],
  wgsl: ({ rows, cols }, _attrs, limits) => ({
    dispatches: elementwise({
      label: "swiglu",
      rows,
      cols,
      inputs: { gate: "element", up: "element" },
      declarations: SIGMOID,
      outputs: ({ gate, up }) => ({ y: `${gate} * sigmoid(${gate}) * ${up}` }),
    }, limits),
  }),
  grad: (g, { inputs: { gate, up }, gradients: { y: dy } }) => {
    const { dgate, dup } = g.run(swigluGrad, { gate, up, dy });
    return { gate: dgate, up: dup };
  },
  cheap: true,
  samples: [
    { dims: { rows: 1, cols: 1 }, note: "one element" },
    { dims: { rows: 7, cols: 65 }, range: { gate: [-6, 6] }, note: "odd sizes" },
    { dims: { rows: 130, cols: 5 }, range: { gate: [-100, 100] }, gradient: false, note: "saturated gate" },
  ],
  tolerance: { atol: 1e-5, rtol: 1e-5 },
});
