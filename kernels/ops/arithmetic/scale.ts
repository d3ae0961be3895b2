/**
 * A tensor times one number: multipliers that a family has on its embeddings, sub-layers and logits (Granite).
 * @module
 */
import { defineKernel, type Kernel, number } from "../../kernel.ts";
import { constantNode } from "../../onnx_node.ts";
import { elementwise } from "../wgsl/elementwise.ts";
import { literal } from "../wgsl/shader.ts";

type Matrix<Name extends string> = Readonly<Record<Name, readonly ["rows", "cols"]>>;

/** `y = alpha · x`. Attribute `alpha`, any number. */
export const scale: Kernel<Matrix<"x">, Matrix<"y">> = defineKernel({
  name: "scale",
  inputs: { x: ["rows", "cols"] },
  outputs: { y: ["rows", "cols"] },
  reference: ({ x }, _dims, attrs) => {
    const alpha = number(attrs, "alpha");
    return { y: x.map((value) => alpha * value) };
  },
  onnx: (_dims, attrs) => [
    constantNode("alpha", "f32", number(attrs, "alpha")),
    { op: "Mul", in: ["x", "alpha"], out: ["y"] },
  ],
  wgsl: ({ rows, cols }, attrs, limits) => ({
    dispatches: elementwise({
      label: "scale",
      rows,
      cols,
      inputs: { x: "element" },
      outputs: ({ x }) => ({ y: `${literal(number(attrs, "alpha"))} * ${x}` }),
    }, limits),
  }),
  grad: (g, { gradients: { y: dy }, attrs }) => ({ x: g.run(scale, { x: dy }, attrs).y }),
  cheap: true,
  samples: [
    { dims: { rows: 1, cols: 1 }, attrs: { alpha: 12 }, note: "one element" },
    { dims: { rows: 7, cols: 65 }, attrs: { alpha: -0.22 }, note: "odd sizes" },
    {
      dims: { rows: 130, cols: 2 },
      attrs: { alpha: 1e-3 },
      range: { x: [-1e30, 1e30] },
      gradient: false,
      note: "large values",
    },
  ],
  tolerance: { atol: 1e-6, rtol: 1e-6 },
});
