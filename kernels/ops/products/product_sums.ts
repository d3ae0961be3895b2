/**
 * Products added to what was there: LoRA's second half on a frozen layer's output, and sums of gradients without a pass over
 * memory for each. `kernels/fuse.ts` puts them instead of a product and an `add`.
 * @module
 */
import { defineKernel } from "../../kernel.ts";
import { productSumOf } from "./_product.ts";
import { linear, matmul, matmulTn } from "./products.ts";

/**
 * `y = base + alpha · h[rows, rank] b[out, rank]ᵀ`: the second half of a LoRA path (Hu et al. 2021: y = W x + (α/r) B A x).
 * Attribute `alpha` = α/r or α/√r.
 */
export const loraUp = defineKernel({
  name: "lora_up",
  inputs: { base: ["rows", "out"], h: ["rows", "rank"], b: ["out", "rank"] },
  outputs: { y: ["rows", "out"] },
  halves: ["b"],
  ...productSumOf({ label: "lora_up", layout: "nt", a: "h", b: "b", m: "rows", n: "out", k: "rank" }),
  grad: (g, { inputs: { h, b }, gradients: { y: dy }, attrs, needs }) => ({
    base: dy,
    h: needs.has("h") ? g.run(matmul, { a: dy, b }, attrs).y : null,
    b: needs.has("b") ? g.run(matmulTn, { a: dy, b: h }, attrs).y : null,
  }),
});

/** `y = base + alpha · a[rows, in] b[in, out]`. Attribute `alpha` (default 1). */
export const matmulAdd = defineKernel({
  name: "matmul_add",
  inputs: { base: ["rows", "out"], a: ["rows", "in"], b: ["in", "out"] },
  outputs: { y: ["rows", "out"] },
  halves: ["b"],
  ...productSumOf({ label: "matmul_add", layout: "nn", a: "a", b: "b", m: "rows", n: "out", k: "in" }),
  grad: (g, { inputs: { a, b }, gradients: { y: dy }, attrs, needs }) => ({
    base: dy,
    a: needs.has("a") ? g.run(linear, { x: dy, w: b }, attrs).y : null,
    b: needs.has("b") ? g.run(matmulTn, { a, b: dy }, attrs).y : null,
  }),
});

/** `y = base + alpha · a[rows, left]ᵀ b[rows, right]`. Attribute `alpha` (default 1). */
export const matmulTnAdd = defineKernel({
  name: "matmul_tn_add",
  inputs: { base: ["left", "right"], a: ["rows", "left"], b: ["rows", "right"] },
  outputs: { y: ["left", "right"] },
  inPlace: { y: "base" },
  ...productSumOf({
    label: "matmul_tn_add",
    layout: "tn",
    a: "a",
    b: "b",
    m: "left",
    n: "right",
    k: "rows",
  }),
  grad: (g, { inputs: { a, b }, gradients: { y: dy }, attrs, needs }) => ({
    base: dy,
    a: needs.has("a") ? g.run(linear, { x: b, w: dy }, attrs).y : null,
    b: needs.has("b") ? g.run(matmul, { a, b: dy }, attrs).y : null,
  }),
});
