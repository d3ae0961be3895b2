/**
 * SwiGLU (Shazeer 2020): the gated unit of Llama-like feed-forward layers.
 * @module
 */
import type { Kernel } from "../kernel.ts";
import { swigluGrad } from "./swiglu_grad.ts";
import { elementwise, SIGMOID } from "./_wgsl.ts";

/** `y = gate · σ(gate) ∘ up`. */
export const swiglu: Kernel = {
  name: "swiglu",
  inputs: { gate: ["rows", "cols"], up: ["rows", "cols"] },
  outputs: { y: ["rows", "cols"] },
  reference: ({ gate, up }) => ({ y: gate!.map((v, i) => v / (1 + Math.exp(-v)) * up![i]!) }),
  onnx: () => [
    { op: "Sigmoid", in: ["gate"], out: ["s"] },
    { op: "Mul", in: ["gate", "s"], out: ["silu"] },
    { op: "Mul", in: ["silu", "up"], out: ["y"] },
  ],
  wgsl: ({ rows, cols }, _attrs, limits) => ({
    dispatches: elementwise(
      "swiglu",
      rows!,
      cols!,
      limits,
      [{ name: "gate", per: "element" }, {
        name: "up",
        per: "element",
      }],
      { y: "gate * sigmoid(gate) * up" },
      { declarations: SIGMOID },
    ),
  }),
  grad: (g, { inputs, gradients }) => {
    const { dgate, dup } = g.run(swigluGrad, { gate: inputs.gate!, up: inputs.up!, dy: gradients.y! });
    return { gate: dgate!, up: dup! };
  },
  cheap: true,
  samples: [
    { dims: { rows: 1, cols: 1 }, note: "one element" },
    { dims: { rows: 7, cols: 65 }, range: { gate: [-6, 6] }, note: "odd sizes" },
    { dims: { rows: 130, cols: 5 }, range: { gate: [-100, 100] }, gradient: false, note: "saturated gate" },
  ],
  tolerance: { atol: 1e-5, rtol: 1e-5 },
};
