/**
 * The one idea of all products: y[m, n] = alpha · Σ_k A(m, k) B(k, n), in three layouts, plain or added to a base.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import {
  type Attributes,
  type Dims,
  number,
  type Sample,
  type SymbolicDims,
  type Tolerance,
} from "../../kernel.ts";
import { constantNode, floatAttribute, nativeNode, type OnnxNode, type OnnxTarget } from "../../onnx_node.ts";
import { addScaled, dot, rowsOf, zip } from "../../vectors.ts";
import type { WgslLimits, WgslProgram } from "../../wgsl_program.ts";
import { gemmNodes } from "../half_onnx.ts";
import { product } from "../wgsl/product.ts";
import type { ProductLayout } from "../wgsl/product_spec.ts";

/** Names of a product's operands and axes in its kernel. */
export interface ProductNames<Operand extends string, Axis extends string> {
  label: string;
  layout: ProductLayout;
  a: Operand;
  b: Operand;
  m: Axis;
  n: Axis;
  k: Axis;
}

/** Definition, lowerings and samples of a product `y`. Attribute `alpha` (default 1). */
export function productOf<const Operand extends string, const Axis extends string>(
  names: ProductNames<Operand, Axis>,
) {
  return {
    reference: (inputs: Readonly<Record<Operand, Float64Array>>, dims: Dims<Axis>, attrs: Attributes) => ({
      y: reference(names, inputs, dims, attrs),
    }),
    onnx: (dims: SymbolicDims<Axis>, attrs: Attributes, target: OnnxTarget) =>
      gemm(names, { dims, attrs }, target, "y"),
    wgsl: (dims: Dims<Axis>, attrs: Attributes, limits: WgslLimits) =>
      shaders(names, { dims, attrs }, limits),
    samples: samples(names),
    tolerance,
  };
}

/** The same for `y = base + …`, which no pass over memory is needed for beside the product's own. */
export function productSumOf<const Operand extends string, const Axis extends string>(
  names: ProductNames<Operand, Axis>,
) {
  return {
    reference: (
      inputs: Readonly<Record<Operand | "base", Float64Array>>,
      dims: Dims<Axis>,
      attrs: Attributes,
    ) => ({ y: zip((base, sum) => base + sum, inputs.base, reference(names, inputs, dims, attrs)) }),
    onnx: (dims: SymbolicDims<Axis>, attrs: Attributes, target: OnnxTarget): OnnxNode[] => {
      const own = nativeProduct(names, { dims, attrs }, target, "base");
      if (own) return [own];
      if (target.spent?.has("base") && names.layout !== "tn" && !target.half) return intoBase(names, attrs);
      // Gemm's own third factor is copied to the output by one thread before the product: an Add takes two thirds of the time.
      return [
        ...gemm(names, { dims, attrs }, target, "product"),
        { op: "Add", in: ["base", "product"], out: ["y"] },
      ];
    },
    wgsl: (dims: Dims<Axis>, attrs: Attributes, limits: WgslLimits) =>
      shaders(names, { dims, attrs }, limits, "base"),
    samples: sumSamples(names),
    tolerance,
  };
}

/** Sums of up to 300 products of numbers below 1: float32 loses up to 300 · 2⁻²⁴. */
const tolerance: Tolerance = { atol: 2e-5, rtol: 1e-5 };

function alphaOf(attrs: Attributes): number {
  return number(attrs, "alpha", 1);
}

function reference<Operand extends string, Axis extends string>(
  { layout, ...names }: ProductNames<Operand, Axis>,
  inputs: Readonly<Record<Operand, Float64Array>>,
  dims: Dims<Axis>,
  attrs: Attributes,
): Float64Array {
  const a = inputs[names.a], b = inputs[names.b], m = dims[names.m], n = dims[names.n], k = dims[names.k];
  const alpha = alphaOf(attrs), y = new Float64Array(m * n);
  // every row's view once: made in the inner loop, views take longer than sums
  if (layout === "nt") {
    const factors = [...rowsOf(b, k)];
    for (const [i, values] of [...rowsOf(a, k)].entries()) {
      for (const [j, factor] of factors.entries()) y[i * n + j] = alpha * dot(values, factor);
    }
    return y;
  }
  const results = [...rowsOf(y, n)], depths = [...rowsOf(b, n)];
  for (const [outer, values] of [...rowsOf(a, layout === "nn" ? k : m)].entries()) {
    values.forEach((value, inner) => {
      const [result, depth] = layout === "nn" ? [outer, inner] : [inner, outer];
      addScaled(item(results, result), item(depths, depth), alpha * value);
    });
  }
  return y;
}

function gemm<Axis extends string>(
  { layout, a, b, m, n }: ProductNames<string, Axis>,
  { dims, attrs }: { dims: SymbolicDims<Axis>; attrs: Attributes },
  target: OnnxTarget,
  out: string,
): OnnxNode[] {
  const own = nativeProduct({ layout, a, b, m, n }, { dims, attrs }, target);
  if (own) return [{ ...own, out: [out] }];
  const alpha = alphaOf(attrs), rows = dims[m], cols = dims[n];
  // aᵀ b with many rows and few columns, as LoRA's B gets its gradient, is (bᵀ a)ᵀ: ONNX Runtime transposes a wide first factor
  // slowly (1536 × 8 over 700 rows: 3.5 ms of processor time, 2.3 this way).
  if (layout === "tn" && rows !== null && cols !== null && rows > cols) {
    return [
      { op: "Gemm", in: [b, a], out: ["turned"], attrs: { transA: 1, alpha: floatAttribute(alpha) } },
      { op: "Transpose", in: ["turned"], out: [out], attrs: { perm: [1, 0] } },
    ];
  }
  const transposed = { transA: layout === "tn" ? 1 : 0, transB: layout === "nt" ? 1 : 0 } as const;
  return gemmNodes(target, { a, b, out, alpha, ...transposed });
}

/** Columns up to which the narrow factor of aᵀ b is one: kernels/native goes over the other factor's rows once for each 8 of them. */
const NARROW = 64;

/** The product by an operator of our own; null: not by one. */
function nativeProduct<Axis extends string>(
  { layout, a, b, m, n }: Pick<ProductNames<string, Axis>, "layout" | "a" | "b" | "m" | "n">,
  { dims, attrs }: { dims: SymbolicDims<Axis>; attrs: Attributes },
  { native, half }: OnnxTarget,
  base?: string,
): OnnxNode | null {
  if (!native || half) return null;
  const inputs = [a, b, ...base ? [base] : []], alpha = { alpha: floatAttribute(alphaOf(attrs)) };
  if (layout !== "tn") {
    return nativeNode("Product", inputs, ["y"], { transposed: Number(layout === "nt"), ...alpha });
  }
  const narrow = Math.min(dims[m] ?? Infinity, dims[n] ?? Infinity);
  return narrow <= NARROW ? nativeNode("TurnedProduct", inputs, ["y"], alpha) : null;
}

/**
 * The product added to `base` where it stands, which of ONNX Runtime's operators only the fused convolution does (its fourth input): rows of
 * the first factor are filters, the second factor is the picture, `[1, k, n, 1]` or, transposed, `[1, 1, n, k]`.
 */
function intoBase({ layout, a, b }: ProductNames<string, string>, attrs: Attributes): OnnxNode[] {
  const alpha = alphaOf(attrs), filters = alpha === 1 ? a : "scaled";
  return [
    ...alpha === 1
      ? []
      : [constantNode("alpha", "f32", alpha), { op: "Mul", in: [a, "alpha"], out: ["scaled"] }],
    constantNode("filter_axes", "i64", layout === "nn" ? [2, 3] : [1, 2]),
    constantNode("picture_axes", "i64", layout === "nn" ? [0, 3] : [0, 1]),
    constantNode("sum_axes", "i64", [0, 3]),
    { op: "Unsqueeze", in: [filters, "filter_axes"], out: ["filters"] },
    { op: "Unsqueeze", in: [b, "picture_axes"], out: ["picture"] },
    { op: "Unsqueeze", in: ["base", "sum_axes"], out: ["before"] },
    {
      op: "FusedConv",
      in: ["picture", "filters", "", "before"],
      out: ["sum"],
      domain: "com.microsoft",
    },
    { op: "Squeeze", in: ["sum", "sum_axes"], out: ["y"] },
  ];
}

function shaders<Axis extends string>(
  { label, layout, a, b, m, n, k }: ProductNames<string, Axis>,
  { dims, attrs }: { dims: Dims<Axis>; attrs: Attributes },
  limits: WgslLimits,
  base?: string,
): WgslProgram {
  return product({
    label,
    layout,
    m: dims[m],
    n: dims[n],
    k: dims[k],
    a,
    b,
    y: "y",
    alpha: alphaOf(attrs),
    ...(base === undefined ? {} : { base }),
  }, limits);
}

function samples({ m, n, k }: ProductNames<string, string>): Sample[] {
  const dims = (rows: number, depth: number, cols: number) => ({ [m]: rows, [k]: depth, [n]: cols });
  return [
    { dims: dims(1, 1, 1), note: "one element" },
    { dims: dims(5, 7, 3), attrs: { alpha: 0.5 }, note: "odd sizes, scaled" },
    { dims: dims(65, 33, 66), note: "larger than a tile" },
    { dims: dims(1, 130, 5), note: "one row" },
    { dims: dims(3, 5, 4), attrs: { alpha: 1e6 }, gradient: false, note: "large results" },
  ];
}

function sumSamples({ m, n, k }: ProductNames<string, string>): Sample[] {
  const dims = (rows: number, depth: number, cols: number) => ({ [m]: rows, [k]: depth, [n]: cols });
  const range = { base: [-1e3, 1e3] } as const;
  return [
    { dims: dims(1, 1, 1), attrs: { alpha: 2 }, note: "one element" },
    { dims: dims(7, 5, 33), attrs: { alpha: 2 }, note: "odd sizes" },
    { dims: dims(70, 8, 130), attrs: { alpha: 0.25 }, range, note: "larger than a tile, large base" },
    { dims: dims(20, 300, 12), attrs: { alpha: 0.25 }, range, note: "a depth that is split, large base" },
  ];
}
