/**
 * Product of two tensors, element by element; with a mask of 0 and 1/(1 − rate) it is dropout.
 * @module
 */
import { defineKernel, type Kernel } from "../kernel.ts";
import { zip } from "../vectors.ts";
import { elementwise } from "./wgsl/elementwise.ts";

type Matrices<Name extends string> = Readonly<Record<Name, readonly ["rows", "cols"]>>;

/** `y = a ∘ b`. */
export const multiply: Kernel<Matrices<"a" | "b">, Matrices<"y">> = defineKernel({
  name: "multiply",
  inputs: { a: ["rows", "cols"], b: ["rows", "cols"] },
  outputs: { y: ["rows", "cols"] },
  reference: ({ a, b }) => ({ y: zip((x, y) => x * y, a, b) }),
  onnx: () => [{ op: "Mul", in: ["a", "b"], out: ["y"] }],
  wgsl: ({ rows, cols }, _attrs, limits) => ({
    dispatches: elementwise({
      label: "multiply",
      rows,
      cols,
      inputs: { a: "element", b: "element" },
      outputs: ({ a, b }) => ({ y: `${a} * ${b}` }),
    }, limits),
  }),
  grad: (g, { inputs: { a, b }, gradients: { y: dy }, needs }) => ({
    a: needs.has("a") ? g.run(multiply, { a: dy, b }).y : null,
    b: needs.has("b") ? g.run(multiply, { a: dy, b: a }).y : null,
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
});
