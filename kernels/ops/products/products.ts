/**
 * Products: with a weight stored as transformers stores it (`[out, in]`), plain, and with the first factor transposed. Each is
 * what the gradients of the others need.
 *
 * On ONNX Runtime's CPU provider `Gemm` with transB reaches 340 to 400 GFLOP/s (2 cores, AVX-512) with the weight as an
 * input, as much as with the weight as a constant, so weights are inputs and one program serves all layers.
 * @module
 */
import { defineKernel, type Kernel } from "../../kernel.ts";
import { productOf } from "./_product.ts";

// Stated before the kernels, because the gradients of the three refer to each other.
const AXES = {
  linear: { inputs: { x: ["rows", "in"], w: ["out", "in"] }, outputs: { y: ["rows", "out"] } },
  matmul: { inputs: { a: ["rows", "in"], b: ["in", "out"] }, outputs: { y: ["rows", "out"] } },
  matmulTn: { inputs: { a: ["rows", "left"], b: ["rows", "right"] }, outputs: { y: ["left", "right"] } },
} as const;
type Product<Name extends keyof typeof AXES> = Kernel<
  typeof AXES[Name]["inputs"],
  typeof AXES[Name]["outputs"]
>;

/** `y[rows, out] = alpha · x[rows, in] w[out, in]ᵀ`. Attribute `alpha` (default 1). */
export const linear: Product<"linear"> = defineKernel({
  name: "linear",
  ...AXES.linear,
  halves: ["w"],
  ...productOf({ label: "linear", layout: "nt", a: "x", b: "w", m: "rows", n: "out", k: "in" }),
  grad: (g, { inputs: { x, w }, gradients: { y: dy }, attrs, needs }) => ({
    x: needs.has("x") ? g.run(matmul, { a: dy, b: w }, attrs).y : null,
    w: needs.has("w") ? g.run(matmulTn, { a: dy, b: x }, attrs).y : null,
  }),
});

/** `y[rows, out] = alpha · a[rows, in] b[in, out]`. Attribute `alpha` (default 1). */
export const matmul: Product<"matmul"> = defineKernel({
  name: "matmul",
  ...AXES.matmul,
  halves: ["b"],
  ...productOf({ label: "matmul", layout: "nn", a: "a", b: "b", m: "rows", n: "out", k: "in" }),
  grad: (g, { inputs: { a, b }, gradients: { y: dy }, attrs, needs }) => ({
    a: needs.has("a") ? g.run(linear, { x: dy, w: b }, attrs).y : null,
    b: needs.has("b") ? g.run(matmulTn, { a, b: dy }, attrs).y : null,
  }),
});

/** `y[left, right] = alpha · a[rows, left]ᵀ b[rows, right]`: the gradient of a weight. Attribute `alpha` (default 1). */
export const matmulTn: Product<"matmulTn"> = defineKernel({
  name: "matmul_tn",
  ...AXES.matmulTn,
  ...productOf({ label: "matmul_tn", layout: "tn", a: "a", b: "b", m: "left", n: "right", k: "rows" }),
  grad: (g, { inputs: { a, b }, gradients: { y: dy }, attrs, needs }) => ({
    a: needs.has("a") ? g.run(linear, { x: b, w: dy }, attrs).y : null,
    b: needs.has("b") ? g.run(matmul, { a, b: dy }, attrs).y : null,
  }),
});
