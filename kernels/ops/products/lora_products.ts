/**
 * A frozen weight's product with LoRA beside it (Hu et al. 2021: y = W x + (α/r) B A x), forward and backward, as one kernel: the
 * narrow product takes the same rows from memory, and its result needn't come back from there. `kernels/fuse_lora.ts` puts them.
 * @module
 */
import { defineKernel, type Dims, number, type Sample } from "../../kernel.ts";
import { floatAttribute, nativeNode, type OnnxNode, type OnnxTarget } from "../../onnx_node.ts";
import { zip } from "../../vectors.ts";
import { gemmNodes } from "../half_onnx.ts";
import { add } from "../arithmetic/add.ts";
import { linear, matmul, matmulTn } from "./products.ts";
import { loraUp, matmulAdd } from "./product_sums.ts";
import { loraProduct } from "../wgsl/lora_product.ts";

const tolerance = { atol: 2e-5, rtol: 1e-5 };

function samples(withBase: boolean): Sample[] {
  const dims = (rows: number, depth: number, cols: number, rank: number) => ({
    rows,
    in: depth,
    out: cols,
    rank,
  });
  const range = withBase ? { base: [-100, 100] as const } : {};
  return [
    { dims: dims(1, 1, 1, 1), attrs: { alpha: 2 }, note: "one element" },
    { dims: dims(5, 7, 3, 2), attrs: { alpha: 0.5 }, range, note: "odd sizes" },
    { dims: dims(70, 36, 132, 8), attrs: { alpha: 2 }, range, note: "larger than a tile" },
    { dims: dims(33, 35, 67, 16), attrs: { alpha: -0.5 }, range, note: "rows that aren't whole vec4" },
    { dims: dims(20, 300, 12, 4), attrs: { alpha: 0.25 }, range, note: "a depth that is split" },
  ];
}

/**
 * `h = x[rows, in] a[rank, in]ᵀ`, `y = x w[out, in]ᵀ + alpha · h b[out, rank]ᵀ`. Attribute `alpha` = α/r or α/√r (default 1).
 */
export const loraLinear = defineKernel({
  name: "lora_linear",
  inputs: { x: ["rows", "in"], w: ["out", "in"], a: ["rank", "in"], b: ["out", "rank"] },
  outputs: { y: ["rows", "out"], h: ["rows", "rank"] },
  halves: ["w"],
  reference: ({ x, w, a, b }, dims, attrs) => {
    const { h, rest } = { h: linear.reference({ x, w: a }, { ...dims, out: dims.rank }, {}).y, rest: dims };
    const base = linear.reference({ x, w }, rest, {}).y;
    return { y: loraUp.reference({ base, h, b }, rest, attrs).y, h };
  },
  onnx: (_dims, attrs, target) =>
    native(target, ["x", "w", "a", "b"], { up: alphaOf(attrs) }) ?? [
      { op: "Gemm", in: ["x", "a"], out: ["h"], attrs: { transB: 1 } },
      ...gemmNodes(target, { a: "x", b: "w", out: "plain", transB: 1 }),
      {
        op: "Gemm",
        in: ["h", "b"],
        out: ["low"],
        attrs: { transB: 1, alpha: floatAttribute(alphaOf(attrs)) },
      },
      { op: "Add", in: ["plain", "low"], out: ["y"] },
    ],
  wgsl: ({ rows, in: depth, out, rank }, attrs, limits) =>
    loraProduct({
      label: "lora_linear",
      layout: "nt",
      m: rows,
      n: out,
      k: depth,
      rank,
      a: "x",
      b: "w",
      down: "a",
      up: "b",
      scales: { down: 1, up: alphaOf(attrs) },
    }, limits),
  grad: (g, { inputs: { x, w, a, b }, outputs: { h }, gradients: { y: dy, h: given }, attrs, needs }) => {
    const low = dy && g.run(matmul, { a: dy, b }, attrs).y;
    const dh = low && given ? g.run(add, { a: low, b: given }).y : low ?? given;
    const narrow = needs.has("x") && dh ? g.run(matmul, { a: dh, b: a }).y : null;
    return {
      x: narrow && dy ? g.run(matmulAdd, { base: narrow, a: dy, b: w }).y : narrow,
      w: needs.has("w") && dy ? g.run(matmulTn, { a: dy, b: x }).y : null,
      a: needs.has("a") && dh ? g.run(matmulTn, { a: dh, b: x }).y : null,
      b: needs.has("b") && dy ? g.run(matmulTn, { a: dy, b: h }, attrs).y : null,
    };
  },
  samples: samples(false),
  tolerance,
});

/** Such a kernel by the operator of our own; null: not by one. With factors of its two narrow products, one of which is the first. */
function native(
  { native, half }: OnnxTarget,
  inputs: readonly string[],
  factors: { up: number } | { down: number },
): OnnxNode[] | null {
  if (!native || half) return null;
  const { up = 1, down = 1 } = { up: undefined, down: undefined, ...factors };
  return [
    nativeNode("LoraProduct", inputs, ["y", "h"], {
      transposed: Number("up" in factors),
      down_alpha: floatAttribute(down),
      up_alpha: floatAttribute(up),
    }),
  ];
}

function alphaOf(attrs: Readonly<Record<string, number | boolean | null>>): number {
  return number(attrs, "alpha", 1);
}

interface Factors {
  a: Float64Array;
  b: Float64Array;
  down: Float64Array;
  up: Float64Array;
}

type Sizes = Dims<"rows" | "in" | "out" | "rank">;

function backward({ a, b, down, up }: Factors, dims: Sizes, alpha: number) {
  const h = matmul.reference({ a, b: down }, { ...dims, out: dims.rank }, { alpha }).y;
  const base = matmul.reference({ a, b }, dims, {}).y;
  return { y: matmulAdd.reference({ base, a: h, b: up }, { ...dims, in: dims.rank }, {}).y, h };
}

function backwardNodes(alpha: number, sum: string, target: OnnxTarget): OnnxNode[] {
  return [
    { op: "Gemm", in: ["a", "down"], out: ["h"], attrs: { alpha: floatAttribute(alpha) } },
    ...gemmNodes(target, { a: "a", b: "b", out: "plain" }),
    { op: "Gemm", in: ["h", "up"], out: ["low"] },
    { op: "Add", in: ["plain", "low"], out: [sum] },
  ];
}

function backwardSpec({ rows, in: depth, out, rank }: Sizes, alpha: number) {
  return {
    layout: "nn",
    m: rows,
    n: out,
    k: depth,
    rank,
    a: "a",
    b: "b",
    down: "down",
    up: "up",
    scales: { down: alpha, up: 1 },
  } as const;
}

const BACKWARD = {
  inputs: { a: ["rows", "in"], b: ["in", "out"], down: ["in", "rank"], up: ["rank", "out"] },
  outputs: { y: ["rows", "out"], h: ["rows", "rank"] },
} as const;

/** `h = alpha · a[rows, in] down[in, rank]`, `y = a b[in, out] + h up[rank, out]`: {@linkcode loraLinear}'s way back to x. Attribute `alpha` (default 1). */
export const loraMatmul = defineKernel({
  name: "lora_matmul",
  ...BACKWARD,
  halves: ["b"],
  reference: (factors, dims, attrs) => backward(factors, dims, alphaOf(attrs)),
  onnx: (_dims, attrs, target) =>
    native(target, ["a", "b", "down", "up"], { down: alphaOf(attrs) }) ??
      backwardNodes(alphaOf(attrs), "y", target),
  wgsl: (dims, attrs, limits) =>
    loraProduct({ label: "lora_matmul", ...backwardSpec(dims, alphaOf(attrs)) }, limits),
  grad: (g, { inputs: { a, b, down, up }, outputs: { h }, gradients: { y: dy, h: given }, attrs, needs }) => {
    const low = dy && g.run(linear, { x: dy, w: up }).y;
    const dh = low && given ? g.run(add, { a: low, b: given }).y : low ?? given;
    const narrow = needs.has("a") && dh ? g.run(linear, { x: dh, w: down }, attrs).y : null;
    return {
      a: narrow && dy ? g.run(add, { a: narrow, b: g.run(linear, { x: dy, w: b }).y }).y : narrow,
      b: needs.has("b") && dy ? g.run(matmulTn, { a, b: dy }).y : null,
      down: needs.has("down") && dh ? g.run(matmulTn, { a, b: dh }, attrs).y : null,
      up: needs.has("up") && dy ? g.run(matmulTn, { a: h, b: dy }).y : null,
    };
  },
  samples: samples(false),
  tolerance,
});

/** As {@linkcode loraMatmul}, `y = base + …`. */
export const loraMatmulAdd = defineKernel({
  name: "lora_matmul_add",
  inputs: { base: ["rows", "out"], ...BACKWARD.inputs },
  outputs: BACKWARD.outputs,
  halves: ["b"],
  reference: ({ base, ...factors }, dims, attrs) => {
    const { y, h } = backward(factors, dims, alphaOf(attrs));
    return { y: zip((before, sum) => before + sum, base, y), h };
  },
  onnx: (_dims, attrs, target) =>
    native(target, ["a", "b", "down", "up", "base"], { down: alphaOf(attrs) }) ?? [
      ...backwardNodes(alphaOf(attrs), "sum", target),
      { op: "Add", in: ["base", "sum"], out: ["y"] },
    ],
  wgsl: (dims, attrs, limits) =>
    loraProduct({ label: "lora_matmul_add", ...backwardSpec(dims, alphaOf(attrs)), base: "base" }, limits),
  grad: (g, { inputs: { base: _, ...inputs }, outputs, gradients, attrs, needs }) => ({
    ...loraMatmul.grad?.(g, { inputs, outputs, gradients, attrs, needs }),
    base: gradients.y,
  }),
  samples: samples(true),
  tolerance,
});
