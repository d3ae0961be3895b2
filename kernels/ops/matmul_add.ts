/**
 * A product added to what was there: sums of gradients without a pass over memory for each.
 * {@linkcode fuseSums} puts it in place of a `matmul` and an `add`.
 * @module
 */
import { float, type Kernel, number } from "../kernel.ts";
import { linear } from "./linear.ts";
import { matmul } from "./matmul.ts";
import { matmulTn } from "./matmul_tn.ts";
import { productTolerance } from "./_product.ts";
import { product } from "./_wgsl_product.ts";

/** `y = base + alpha · a[rows, in] b[in, out]`. Attribute `alpha` (default 1). */
export const matmulAdd: Kernel = {
  name: "matmul_add",
  inputs: { base: ["rows", "out"], a: ["rows", "in"], b: ["in", "out"] },
  outputs: { y: ["rows", "out"] },
  halves: ["b"],
  reference: ({ base, a, b }, { rows, in: inner, out }, attrs) => {
    const alpha = number(attrs, "alpha", 1), y = Float64Array.from(base!);
    for (let r = 0; r < rows!; r++) {
      for (let i = 0; i < inner!; i++) {
        for (let o = 0; o < out!; o++) y[r * out! + o]! += alpha * a![r * inner! + i]! * b![i * out! + o]!;
      }
    }
    return { y };
  },
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
  grad: (g, { inputs, gradients, attrs, needs }) => ({
    base: gradients.y!,
    a: needs.has("a") ? g.run(linear, { x: gradients.y!, w: inputs.b! }, attrs).y! : null,
    b: needs.has("b") ? g.run(matmulTn, { a: inputs.a!, b: gradients.y! }, attrs).y! : null,
  }),
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
  reference: ({ base, a, b }, { rows, left, right }, attrs) => {
    const alpha = number(attrs, "alpha", 1), y = Float64Array.from(base!);
    for (let r = 0; r < rows!; r++) {
      for (let i = 0; i < left!; i++) {
        const f = alpha * a![r * left! + i]!;
        for (let o = 0; o < right!; o++) y[i * right! + o]! += f * b![r * right! + o]!;
      }
    }
    return { y };
  },
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
  grad: (g, { inputs, gradients, attrs, needs }) => ({
    base: gradients.y!,
    a: needs.has("a") ? g.run(linear, { x: inputs.b!, w: gradients.y! }, attrs).y! : null,
    b: needs.has("b") ? g.run(matmul, { a: inputs.a!, b: gradients.y! }, attrs).y! : null,
  }),
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
