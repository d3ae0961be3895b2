/**
 * Plain matrix product; the gradient of {@linkcode linear} by its input.
 * @module
 */
import { float, type Kernel, number } from "../kernel.ts";
import { linear } from "./linear.ts";
import { matmulTn } from "./matmul_tn.ts";
import { productSamples, productTolerance } from "./_product.ts";
import { product } from "./_wgsl_product.ts";

/** `y[rows, out] = alpha · a[rows, in] b[in, out]`. Attribute `alpha` (default 1). */
export const matmul: Kernel = {
  name: "matmul",
  inputs: { a: ["rows", "in"], b: ["in", "out"] },
  outputs: { y: ["rows", "out"] },
  halves: ["b"],
  reference: ({ a, b }, { rows, in: inner, out }, attrs) => {
    const alpha = number(attrs, "alpha", 1), y = new Float64Array(rows! * out!);
    for (let r = 0; r < rows!; r++) {
      for (let i = 0; i < inner!; i++) {
        const f = alpha * a![r * inner! + i]!;
        for (let o = 0; o < out!; o++) y[r * out! + o]! += f * b![i * out! + o]!;
      }
    }
    return { y };
  },
  onnx: (_dims, attrs) => [
    { op: "Gemm", in: ["a", "b"], out: ["y"], attrs: { alpha: float(number(attrs, "alpha", 1)) } },
  ],
  wgsl: ({ rows, in: inner, out }, attrs, limits) =>
    product({
      label: "matmul",
      layout: "nn",
      m: rows!,
      n: out!,
      k: inner!,
      a: "a",
      b: "b",
      y: "y",
      alpha: number(attrs, "alpha", 1),
    }, limits),
  grad: (g, { inputs, gradients, attrs, needs }) => ({
    a: needs.has("a") ? g.run(linear, { x: gradients.y!, w: inputs.b! }, attrs).y! : null,
    b: needs.has("b") ? g.run(matmulTn, { a: inputs.a!, b: gradients.y! }, attrs).y! : null,
  }),
  samples: productSamples("rows", "in", "out"),
  tolerance: productTolerance,
};
