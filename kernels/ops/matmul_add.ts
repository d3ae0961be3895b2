/**
 * A product added to what was there: sums of gradients without a pass over memory for each.
 * `fuseSums` puts it in place of a `matmul` and an `add`.
 * @module
 */
import { float, type Kernel, number } from "../kernel.ts";
import { matmul } from "./matmul.ts";
import { matmulTn } from "./matmul_tn.ts";
import { productTolerance } from "./_product.ts";
import { product } from "./_wgsl_product.ts";

/** What a product gives, added to `base`. */
function plus({ reference }: Kernel): Kernel["reference"] {
  return ({ base, ...product }, dims, attrs) => {
    const { y } = reference(product, dims, attrs);
    return { y: y!.map((value, i) => base![i]! + value) };
  };
}

/** `y = base + alpha · a[rows, in] b[in, out]`. Attribute `alpha` (default 1). */
export const matmulAdd: Kernel = {
  name: "matmul_add",
  inputs: { base: ["rows", "out"], a: ["rows", "in"], b: ["in", "out"] },
  outputs: { y: ["rows", "out"] },
  halves: ["b"],
  reference: plus(matmul),
  onnx: (_dims, attrs) => [
    { op: "Gemm", in: ["a", "b", "base"], out: ["y"], attrs: { alpha: float(number(attrs, "alpha", 1)) } },
  ],
  wgsl: ({ rows, in: inner, out }, attrs, limits) =>
    product({
      label: "matmul_add",
      layout: "nn",
      m: rows!,
      n: out!,
      k: inner!,
      a: "a",
      b: "b",
      y: "y",
      base: "base",
      alpha: number(attrs, "alpha", 1),
    }, limits),
  grad: (g, at) => ({ base: at.gradients.y!, ...matmul.grad!(g, at) }),
  samples: [
    { dims: { rows: 1, in: 1, out: 1 }, attrs: { alpha: 2 }, note: "one element" },
    { dims: { rows: 7, in: 5, out: 33 }, attrs: { alpha: 2 }, note: "odd sizes" },
    {
      dims: { rows: 20, in: 300, out: 12 },
      attrs: { alpha: 0.25 },
      range: { base: [-1e3, 1e3] },
      note: "a depth that is split, large base",
    },
  ],
  tolerance: productTolerance,
};

/** `y = base + alpha · a[rows, left]ᵀ b[rows, right]`. Attribute `alpha` (default 1). */
export const matmulTnAdd: Kernel = {
  name: "matmul_tn_add",
  inputs: { base: ["left", "right"], a: ["rows", "left"], b: ["rows", "right"] },
  outputs: { y: ["left", "right"] },
  reference: plus(matmulTn),
  onnx: (_dims, attrs) => [
    {
      op: "Gemm",
      in: ["a", "b", "base"],
      out: ["y"],
      attrs: { transA: 1, alpha: float(number(attrs, "alpha", 1)) },
    },
  ],
  wgsl: ({ rows, left, right }, attrs, limits) =>
    product({
      label: "matmul_tn_add",
      layout: "tn",
      m: left!,
      n: right!,
      k: rows!,
      a: "a",
      b: "b",
      y: "y",
      base: "base",
      alpha: number(attrs, "alpha", 1),
    }, limits),
  grad: (g, at) => ({ base: at.gradients.y!, ...matmulTn.grad!(g, at) }),
  samples: [
    { dims: { left: 1, rows: 1, right: 1 }, attrs: { alpha: 2 }, note: "one element" },
    { dims: { left: 7, rows: 5, right: 33 }, attrs: { alpha: 2 }, note: "odd sizes" },
    {
      dims: { left: 8, rows: 300, right: 20 },
      attrs: { alpha: 0.25 },
      range: { base: [-1e3, 1e3] },
      note: "a depth that is split, large base",
    },
  ],
  tolerance: productTolerance,
};
