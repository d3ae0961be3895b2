/**
 * Product of two tensors, element by element; with a mask of 0 and 1/(1 − rate) it is dropout.
 * @module
 */
import { defineKernel, type Kernel, number } from "../../kernel.ts";
import { constantNode, type OnnxNode } from "../../onnx_node.ts";
import { zip } from "../../vectors.ts";
import { elementwise } from "../wgsl/elementwise.ts";
import { literal } from "../wgsl/shader.ts";

type Matrices<Name extends string> = Readonly<Record<Name, readonly ["rows", "cols"]>>;

/** `y = alpha · a ∘ b`. Attribute `alpha` (default 1). */
export const multiply: Kernel<Matrices<"a" | "b">, Matrices<"y">> = defineKernel({
  name: "multiply",
  inputs: { a: ["rows", "cols"], b: ["rows", "cols"] },
  outputs: { y: ["rows", "cols"] },
  reference: ({ a, b }, _dims, attrs) => {
    const alpha = number(attrs, "alpha", 1);
    return { y: zip((x, y) => alpha * x * y, a, b) };
  },
  onnx: (_dims, attrs): OnnxNode[] => {
    const alpha = number(attrs, "alpha", 1);
    if (alpha === 1) return [{ op: "Mul", in: ["a", "b"], out: ["y"] }];
    return [
      constantNode("alpha", "f32", alpha),
      { op: "Mul", in: ["a", "b"], out: ["product"] },
      { op: "Mul", in: ["product", "alpha"], out: ["y"] },
    ];
  },
  wgsl: ({ rows, cols }, attrs, limits) => ({
    dispatches: elementwise({
      label: "multiply",
      rows,
      cols,
      inputs: { a: "element", b: "element" },
      outputs: ({ a, b }) => {
        const alpha = number(attrs, "alpha", 1);
        return { y: alpha === 1 ? `${a} * ${b}` : `${literal(alpha)} * ${a} * ${b}` };
      },
    }, limits),
  }),
  grad: (g, { inputs: { a, b }, gradients: { y: dy }, attrs, needs }) => ({
    a: needs.has("a") ? g.run(multiply, { a: dy, b }, attrs).y : null,
    b: needs.has("b") ? g.run(multiply, { a: dy, b: a }, attrs).y : null,
  }),
  cheap: true,
  samples: [
    { dims: { rows: 1, cols: 1 }, note: "one element" },
    { dims: { rows: 7, cols: 65 }, note: "odd sizes" },
    { dims: { rows: 9, cols: 31 }, attrs: { alpha: -1 }, note: "taken away" },
    {
      dims: { rows: 130, cols: 2 },
      range: { a: [-1e15, 1e15], b: [-1e15, 1e15] },
      gradient: false,
      note: "large values",
    },
  ],
  tolerance: { atol: 1e-6, rtol: 1e-6 },
});
