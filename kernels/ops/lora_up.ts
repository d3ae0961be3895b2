/**
 * Second half of a LoRA path, added to the frozen layer's output (Hu et al. 2021: y = W x + (α/r) B A x).
 * @module
 */
import { float, type Kernel, number } from "../kernel.ts";
import { matmul } from "./matmul.ts";
import { matmulTn } from "./matmul_tn.ts";
import { productTolerance } from "./_product.ts";
import { product } from "./_wgsl_product.ts";

/** `y = base + alpha · h[rows, rank] b[out, rank]ᵀ`. Attribute `alpha` = α/r or α/√r. */
export const loraUp: Kernel = {
  name: "lora_up",
  inputs: { base: ["rows", "out"], h: ["rows", "rank"], b: ["out", "rank"] },
  outputs: { y: ["rows", "out"] },
  halves: ["b"],
  reference: ({ base, h, b }, { rows, rank, out }, attrs) => {
    const alpha = number(attrs, "alpha", 1), y = Float64Array.from(base!);
    for (let r = 0; r < rows!; r++) {
      for (let o = 0; o < out!; o++) {
        let sum = 0;
        for (let i = 0; i < rank!; i++) sum += h![r * rank! + i]! * b![o * rank! + i]!;
        y[r * out! + o]! += alpha * sum;
      }
    }
    return { y };
  },
  onnx: (_dims, attrs) => [
    {
      op: "Gemm",
      in: ["h", "b", "base"],
      out: ["y"],
      attrs: { transB: 1, alpha: float(number(attrs, "alpha", 1)) },
    },
  ],
  wgsl: ({ rows, rank, out }, attrs, limits) =>
    product({
      label: "lora_up",
      layout: "nt",
      m: rows!,
      n: out!,
      k: rank!,
      a: "h",
      b: "b",
      y: "y",
      base: "base",
      alpha: number(attrs, "alpha", 1),
    }, limits),
  grad: (g, { inputs, gradients, attrs, needs }) => ({
    base: gradients.y!,
    h: needs.has("h") ? g.run(matmul, { a: gradients.y!, b: inputs.b! }, attrs).y! : null,
    b: needs.has("b") ? g.run(matmulTn, { a: gradients.y!, b: inputs.h! }, attrs).y! : null,
  }),
  samples: [
    { dims: { rows: 1, rank: 1, out: 1 }, attrs: { alpha: 2 }, note: "one element" },
    { dims: { rows: 7, rank: 4, out: 33 }, attrs: { alpha: 2 }, note: "odd sizes" },
    {
      dims: { rows: 70, rank: 8, out: 130 },
      attrs: { alpha: 0.25 },
      range: { base: [-1e3, 1e3] },
      note: "large base",
    },
  ],
  tolerance: productTolerance,
};
