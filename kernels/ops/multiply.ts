/**
 * Product of two tensors, element by element; with a mask of 0 and 1/(1 − rate) it is dropout.
 * @module
 */
import type { Kernel } from "../kernel.ts";
import { elementwise } from "./_wgsl.ts";

/** `y = a ∘ b`. */
export const multiply: Kernel = {
  name: "multiply",
  inputs: { a: ["rows", "cols"], b: ["rows", "cols"] },
  outputs: { y: ["rows", "cols"] },
  reference: ({ a, b }) => ({ y: a!.map((v, i) => v * b![i]!) }),
  onnx: () => [{ op: "Mul", in: ["a", "b"], out: ["y"] }],
  wgsl: ({ rows, cols }, _attrs, limits) => ({
    dispatches: elementwise("multiply", rows!, cols!, limits, [{ name: "a", per: "element" }, {
      name: "b",
      per: "element",
    }], { y: "a * b" }),
  }),
  grad: (g, { inputs, gradients, needs }) => ({
    a: needs.has("a") ? g.run(multiply, { a: gradients.y!, b: inputs.b! }).y! : null,
    b: needs.has("b") ? g.run(multiply, { a: gradients.y!, b: inputs.a! }).y! : null,
  }),
  cheap: true,
  samples: [
    { dims: { rows: 1, cols: 1 }, note: "one element" },
    { dims: { rows: 7, cols: 65 }, note: "odd sizes" },
    {
      dims: { rows: 130, cols: 2 },
      range: { a: [-1e15, 1e15], b: [-1e15, 1e15] },
      gradient: false,
      note: "large values",
    },
  ],
  tolerance: { atol: 1e-6, rtol: 1e-6 },
};
