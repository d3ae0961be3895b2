/**
 * Rotary position embedding (Su et al. 2021), half-split as transformers lays it out: element i of a head pairs with i + half.
 * The tables come from the host, which computes the angles in float64 (position · frequency loses digits in float32).
 * @module
 */
import { defineKernel, fixedSizes, type Kernel, number } from "../kernel.ts";
import { constantNode, nativeNode } from "../onnx_node.ts";
import { row, rowsOf, zip } from "../vectors.ts";
import { elementsOf, rowParts, shader } from "./wgsl/shader.ts";

// Stated before the kernel, because its gradient applies the kernel itself.
const AXES = {
  inputs: { x: ["rows", "cols"], cos: ["rows", "half"], sin: ["rows", "half"] },
  outputs: { y: ["rows", "cols"] },
} as const;

/**
 * `y = x ∘ cos + rotate(x) ∘ sin` for every head of a row; `cos` and `sin` are `[rows, half]`, half = head size / 2.
 * Attributes `heads` ≥ 1, `inverse` (rotate back: the gradient).
 */
export const rotary: Kernel<typeof AXES.inputs, typeof AXES.outputs> = defineKernel({
  name: "rotary",
  ...AXES,
  constants: ["cos", "sin"],
  reference: ({ x, cos, sin }, { cols, half }, attrs) => {
    const sign = attrs.inverse ? -1 : 1, y = new Float64Array(x.length), heads = cols / (2 * half);
    [...rowsOf(x, 2 * half)].forEach((head, index) => {
      const r = Math.floor(index / heads), start = index * 2 * half;
      const a = head.subarray(0, half), b = head.subarray(half), c = row(cos, r, half), s = row(sin, r, half);
      y.set(zip((a, b, c, s) => a * c - b * sign * s, a, b, c, s), start);
      y.set(zip((a, b, c, s) => b * c + a * sign * s, a, b, c, s), start + half);
    });
    return { y };
  },
  onnx: (dims, attrs, { native }) => {
    if (native) {
      return [nativeNode("Rotary", ["x", "cos", "sin"], ["y"], { inverse: Number(attrs.inverse ?? false) })];
    }
    const { cols } = fixedSizes(dims, "cols");
    return [
      constantNode("batch", "i64", [1, -1, cols]),
      { op: "Reshape", in: ["x", "batch"], out: ["x3"] },
      // The tables have a row for each row of x, so positions count rows.
      constantNode("first", "i64", [0]),
      ...(attrs.inverse ? [{ op: "Neg", in: ["sin"], out: ["back"] }] : []),
      {
        op: "RotaryEmbedding",
        in: ["x3", "first", "cos", attrs.inverse ? "back" : "sin"],
        out: ["y3"],
        attrs: { num_heads: number(attrs, "heads") },
        domain: "com.microsoft",
      },
      constantNode("flat", "i64", [-1, cols]),
      { op: "Reshape", in: ["y3", "flat"], out: ["y"] },
    ];
  },
  wgsl: ({ rows, cols, half }, attrs, limits) => ({
    dispatches: rowParts(rows, cols, limits).map((rowPart) => {
      const { first, count } = rowPart, part = elementsOf(rowPart, cols), pairs = cols / 2;
      return shader({
        label: "rotary",
        threads: 256,
        read: { x: { part }, cos_table: { of: "cos" }, sin_table: { of: "sin" } },
        write: { y: { part } },
        sizes: { count: count * pairs, first },
        workgroups: Math.ceil(count * pairs / 256),
        body: `  let i = workgroup * 256u + lane;
  if (i >= sizes.count) { return; }
  let row = i / ${pairs}u; let pair = i % ${pairs}u;
  let index = row * ${cols}u + pair / ${half}u * ${2 * half}u + pair % ${half}u;
  let angle = (sizes.first + row) * ${half}u + pair % ${half}u;
  let c = cos_table[angle]; let s = ${attrs.inverse ? "-" : ""}sin_table[angle];
  let a = x[index]; let b = x[index + ${half}u];
  y[index] = a * c - b * s;
  y[index + ${half}u] = b * c + a * s;`,
      });
    }),
  }),
  grad: (g, { inputs: { cos, sin }, gradients: { y: dy }, attrs }) => ({
    x: g.run(rotary, { x: dy, cos, sin }, { ...attrs, inverse: !attrs.inverse }).y,
    cos: null,
    sin: null,
  }),
  samples: [
    { dims: { rows: 1, cols: 2, half: 1 }, attrs: { heads: 1 }, note: "one pair" },
    { dims: { rows: 5, cols: 18, half: 3 }, attrs: { heads: 3 }, note: "odd sizes" },
    {
      dims: { rows: 70, cols: 16, half: 4 },
      attrs: { heads: 2, inverse: true },
      note: "backwards, more rows than a workgroup",
    },
    {
      dims: { rows: 2, cols: 8, half: 2 },
      attrs: { heads: 2 },
      range: { x: [-1e6, 1e6] },
      gradient: false,
      note: "large x",
    },
  ],
  tolerance: { atol: 1e-6, rtol: 2e-6 },
});
