/**
 * Rotary position embedding (Su et al. 2021), half-split as transformers mostly lays it out: element i of a head pairs with i + half; or, as in the paper,
 * with its neighbour.
 * The tables come from the host, which computes the angles in float64 (position · frequency loses digits in float32).
 * @module
 */
import { defineKernel, fixedSizes, type Kernel, number } from "../../kernel.ts";
import { item } from "../../../formats/elements.ts";
import { constantNode, nativeNode } from "../../onnx_node.ts";
import { row, rowsOf } from "../../vectors.ts";
import { elementsOf, rowParts, shader } from "../wgsl/shader.ts";

// Stated before the kernel, because its gradient applies the kernel itself.
const AXES = {
  inputs: { x: ["rows", "cols"], cos: ["rows", "half"], sin: ["rows", "half"] },
  outputs: { y: ["rows", "cols"] },
} as const;

/**
 * `y = x ∘ cos + rotate(x) ∘ sin` for every head of a row; `cos` and `sin` are `[rows, half]`, half = head size / 2, or less: what stands
 * behind the first 2 half elements of a head stays as it is (Phi-4-mini's `partial_rotary_factor`).
 * Attributes `heads` ≥ 1, `inverse` (rotate back: the gradient), `pairs` (elements 2i and 2i + 1 are turned by angle i (ERNIE 4.5), not i and i + half).
 */
export const rotary: Kernel<typeof AXES.inputs, typeof AXES.outputs> = defineKernel({
  name: "rotary",
  ...AXES,
  constants: ["cos", "sin"],
  reference: ({ x, cos, sin }, { cols, half }, attrs) => {
    const sign = attrs.inverse ? -1 : 1, y = x.slice(), heads = number(attrs, "heads"), size = cols / heads;
    [...rowsOf(x, size)].forEach((head, index) => {
      const r = Math.floor(index / heads), start = index * size, c = row(cos, r, half), s = row(sin, r, half);
      c.forEach((cos, i) => {
        const first = attrs.pairs ? 2 * i : i, second = attrs.pairs ? first + 1 : i + half;
        const a = item(head, first), b = item(head, second), sin = sign * item(s, i);
        y[start + first] = a * cos - b * sin;
        y[start + second] = b * cos + a * sin;
      });
    });
    return { y };
  },
  onnx: (dims, attrs, { native }) => {
    const { cols, half } = fixedSizes(dims, "cols", "half"), heads = number(attrs, "heads");
    const isPartial = 2 * half * heads < cols;
    if (native && !isPartial && !attrs.pairs) {
      return [nativeNode("Rotary", ["x", "cos", "sin"], ["y"], { inverse: Number(attrs.inverse ?? false) })];
    }
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
        attrs: {
          num_heads: heads,
          ...(isPartial && { rotary_embedding_dim: 2 * half }),
          ...(attrs.pairs === true && { interleaved: 1 }),
        },
        domain: "com.microsoft",
      },
      constantNode("flat", "i64", [-1, cols]),
      { op: "Reshape", in: ["y3", "flat"], out: ["y"] },
    ];
  },
  wgsl: ({ rows, cols, half }, attrs, limits) => ({
    dispatches: rowParts(rows, cols, limits).map((rowPart) => {
      const { first: firstRow, count } = rowPart,
        part = elementsOf(rowPart, cols),
        heads = number(attrs, "heads");
      // Of a head, an invocation for each pair and for each element behind them.
      const size = cols / heads, each = size - half, all = heads * each, pairs = attrs.pairs === true;
      const first = pairs ? "2u * pair" : "pair", step = pairs ? 1 : half;
      return shader({
        label: "rotary",
        threads: 256,
        read: { x: { part }, cos_table: { of: "cos" }, sin_table: { of: "sin" } },
        write: { y: { part } },
        sizes: { count: count * all, first: firstRow },
        workgroups: Math.ceil(count * all / 256),
        body: `  let i = workgroup * 256u + lane;
  if (i >= sizes.count) { return; }
  let row = i / ${all}u; let pair = i % ${each}u;
  let head = row * ${cols}u + i % ${all}u / ${each}u * ${size}u;${
          each === half ? "" : `
  if (pair >= ${half}u) {
    let rest = head + pair + ${half}u;
    y[rest] = x[rest];
    return;
  }`
        }
  let index = head + ${first};
  let angle = (sizes.first + row) * ${half}u + pair;
  let c = cos_table[angle]; let s = ${attrs.inverse ? "-" : ""}sin_table[angle];
  let a = x[index]; let b = x[index + ${step}u];
  y[index] = a * c - b * s;
  y[index + ${step}u] = b * c + a * s;`,
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
    { dims: { rows: 5, cols: 30, half: 3 }, attrs: { heads: 3 }, note: "a part of each head" },
    {
      dims: { rows: 70, cols: 32, half: 6 },
      attrs: { heads: 2, inverse: true },
      note: "a part of each head, backwards",
    },
    {
      dims: { rows: 70, cols: 16, half: 4 },
      attrs: { heads: 2, inverse: true },
      note: "backwards, more rows than a workgroup",
    },
    { dims: { rows: 5, cols: 24, half: 4 }, attrs: { heads: 3, pairs: true }, note: "neighbouring pairs" },
    {
      dims: { rows: 70, cols: 32, half: 6 },
      attrs: { heads: 2, inverse: true, pairs: true },
      note: "neighbouring pairs of a part of each head, backwards",
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
