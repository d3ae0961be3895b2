/**
 * Product with the first factor transposed; the gradient of a weight.
 * @module
 */
import { float, type Kernel, number } from "../kernel.ts";
import { linear } from "./linear.ts";
import { matmul } from "./matmul.ts";
import { productSamples, productTolerance } from "./_product.ts";
import { product } from "./_wgsl_product.ts";

/** `y[left, right] = alpha · a[rows, left]ᵀ b[rows, right]`. Attribute `alpha` (default 1). */
export const matmulTn: Kernel = {
  name: "matmul_tn",
  inputs: { a: ["rows", "left"], b: ["rows", "right"] },
  outputs: { y: ["left", "right"] },
  reference: ({ a, b }, { rows, left, right }, attrs) => {
    const alpha = number(attrs, "alpha", 1), y = new Float64Array(left! * right!);
    for (let r = 0; r < rows!; r++) {
      for (let i = 0; i < left!; i++) {
        const f = alpha * a![r * left! + i]!;
        for (let o = 0; o < right!; o++) y[i * right! + o]! += f * b![r * right! + o]!;
      }
    }
    return { y };
  },
  onnx: (_dims, attrs) => [
    { op: "Gemm", in: ["a", "b"], out: ["y"], attrs: { transA: 1, alpha: float(number(attrs, "alpha", 1)) } },
  ],
  wgsl: ({ rows, left, right }, attrs, limits) =>
    product({
      label: "matmul_tn",
      layout: "tn",
      m: left!,
      n: right!,
      k: rows!,
      a: "a",
      b: "b",
      y: "y",
      alpha: number(attrs, "alpha", 1),
    }, limits),
  grad: (g, { inputs, gradients, attrs, needs }) => ({
    a: needs.has("a") ? g.run(linear, { x: inputs.b!, w: gradients.y! }, attrs).y! : null,
    b: needs.has("b") ? g.run(matmul, { a: inputs.a!, b: gradients.y! }, attrs).y! : null,
  }),
  samples: productSamples("left", "rows", "right"),
  tolerance: productTolerance,
};
