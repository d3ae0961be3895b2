/**
 * Products with a weight stored as transformers stores it (`[out, in]`).
 *
 * On ONNX Runtime's CPU provider `Gemm` with transB reaches 340 to 400 GFLOP/s (2 cores, AVX-512) with the weight as an
 * input, as much as with the weight as a constant, so weights are inputs and one program serves all layers.
 * @module
 */
import { float, type Kernel, number } from "../kernel.ts";
import { matmul } from "./matmul.ts";
import { matmulTn } from "./matmul_tn.ts";
import { productSamples, productTolerance } from "./_product.ts";
import { product } from "./_wgsl_product.ts";

/** `y[rows, out] = alpha · x[rows, in] w[out, in]ᵀ`. Attribute `alpha` (default 1). */
export const linear: Kernel = {
  name: "linear",
  inputs: { x: ["rows", "in"], w: ["out", "in"] },
  outputs: { y: ["rows", "out"] },
  halves: ["w"],
  reference: ({ x, w }, { rows, in: inner, out }, attrs) => {
    const alpha = number(attrs, "alpha", 1), y = new Float64Array(rows! * out!);
    for (let r = 0; r < rows!; r++) {
      for (let o = 0; o < out!; o++) {
        let sum = 0;
        for (let i = 0; i < inner!; i++) sum += x![r * inner! + i]! * w![o * inner! + i]!;
        y[r * out! + o] = alpha * sum;
      }
    }
    return { y };
  },
  onnx: (_dims, attrs) => [
    { op: "Gemm", in: ["x", "w"], out: ["y"], attrs: { transB: 1, alpha: float(number(attrs, "alpha", 1)) } },
  ],
  wgsl: ({ rows, in: inner, out }, attrs, limits) =>
    product({
      label: "linear",
      layout: "nt",
      m: rows!,
      n: out!,
      k: inner!,
      a: "x",
      b: "w",
      y: "y",
      alpha: number(attrs, "alpha", 1),
    }, limits),
  grad: (g, { inputs, gradients, attrs, needs }) => ({
    x: needs.has("x") ? g.run(matmul, { a: gradients.y!, b: inputs.w! }, attrs).y! : null,
    w: needs.has("w") ? g.run(matmulTn, { a: gradients.y!, b: inputs.x! }, attrs).y! : null,
  }),
  samples: productSamples("rows", "in", "out"),
  tolerance: productTolerance,
};
