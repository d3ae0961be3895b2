/**
 * GeGLU (Shazeer 2020) with the tanh approximation of GELU (Hendrycks & Gimpel 2016): the gated unit of Gemma's feed-forward layers,
 * transformers' `gelu_pytorch_tanh`. As (1 + tanh u) / 2 = σ(2u), GELU is gate · σ(z) with z = 2 √(2/π) (gate + 0.044715 gate³).
 * @module
 */
import { defineKernel } from "../../kernel.ts";
import { nativeNode } from "../../onnx_node.ts";
import { zip } from "../../vectors.ts";
import { GELU_SAMPLES, GELU_WGSL, geluNodes, geluPart } from "./_gelu.ts";
import { gegluGrad } from "./geglu_grad.ts";
import { elementwise } from "../wgsl/elementwise.ts";

/** `y = gelu(gate) ∘ up`. */
export const geglu = defineKernel({
  name: "geglu",
  inputs: { gate: ["rows", "cols"], up: ["rows", "cols"] },
  outputs: { y: ["rows", "cols"] },
  reference: ({ gate, up }) => ({ y: zip((v, u) => v * geluPart(v) * u, gate, up) }),
  onnx: (_dims, _attrs, { native }) =>
    native ? [nativeNode("Geglu", ["gate", "up"], ["y"])] : [
      ...geluNodes,
      { op: "Mul", in: ["gelu", "up"], out: ["y"] },
    ],
  wgsl: ({ rows, cols }, _attrs, limits) => ({
    dispatches: elementwise({
      label: "geglu",
      rows,
      cols,
      inputs: { gate: "element", up: "element" },
      declarations: GELU_WGSL,
      outputs: ({ gate, up }) => ({ y: `${gate} * gelu_part(${gate}) * ${up}` }),
    }, limits),
  }),
  grad: (g, { inputs: { gate, up }, gradients: { y: dy } }) => {
    const { dgate, dup } = g.run(gegluGrad, { gate, up, dy });
    return { gate: dgate, up: dup };
  },
  cheap: true,
  samples: GELU_SAMPLES,
  tolerance: { atol: 1e-5, rtol: 1e-5 },
});
