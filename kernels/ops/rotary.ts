/**
 * Rotary position embedding (Su et al. 2021), half-split as transformers lays it out: element i of a head pairs with i + half.
 * The tables come from the host, which computes the angles in float64 (position · frequency loses digits in float32).
 * @module
 */
import { constant, type Kernel, number } from "../kernel.ts";
import { rowParts, shader } from "./_wgsl.ts";

/**
 * `y = x ∘ cos + rotate(x) ∘ sin` for every head of a row; `cos` and `sin` are `[rows, half]`, half = head size / 2.
 * Attributes `heads` ≥ 1, `inverse` (rotate back: the gradient).
 */
export const rotary: Kernel = {
  name: "rotary",
  inputs: { x: ["rows", "cols"], cos: ["rows", "half"], sin: ["rows", "half"] },
  outputs: { y: ["rows", "cols"] },
  constants: ["cos", "sin"],
  reference: ({ x, cos, sin }, { rows, cols, half }, attrs) => {
    const sign = attrs.inverse ? -1 : 1, y = new Float64Array(x!.length);
    for (let r = 0; r < rows!; r++) {
      for (let start = r * cols!; start < (r + 1) * cols!; start += 2 * half!) {
        for (let i = 0; i < half!; i++) {
          const a = x![start + i]!, b = x![start + half! + i]!;
          const c = cos![r * half! + i]!, s = sign * sin![r * half! + i]!;
          y[start + i] = a * c - b * s;
          y[start + half! + i] = b * c + a * s;
        }
      }
    }
    return { y };
  },
  onnx: (dims, attrs) => [
    constant("split", "i64", [0, number(attrs, "heads"), 2, dims.half!]),
    { op: "Reshape", in: ["x", "split"], out: ["x4"] },
    { op: "Split", in: ["x4"], out: ["a", "b"], attrs: { axis: 2, num_outputs: 2 } },
    constant("spread", "i64", [0, 1, 1, dims.half!]),
    { op: "Reshape", in: ["cos", "spread"], out: ["c"] },
    { op: "Reshape", in: ["sin", "spread"], out: ["s"] },
    { op: "Mul", in: ["a", "c"], out: ["ac"] },
    { op: "Mul", in: ["b", "s"], out: ["bs"] },
    { op: "Mul", in: ["b", "c"], out: ["bc"] },
    { op: "Mul", in: ["a", "s"], out: ["as"] },
    { op: attrs.inverse ? "Add" : "Sub", in: ["ac", "bs"], out: ["first"] },
    { op: attrs.inverse ? "Sub" : "Add", in: ["bc", "as"], out: ["second"] },
    { op: "Concat", in: ["first", "second"], out: ["y4"], attrs: { axis: 2 } },
    constant("flat", "i64", [0, dims.cols!]),
    { op: "Reshape", in: ["y4", "flat"], out: ["y"] },
  ],
  wgsl: ({ rows, cols, half }, attrs, limits) => ({
    dispatches: rowParts(rows!, cols!, limits).map(({ first, count }) => {
      const part = { first: first * cols!, count: count * cols! }, pairs = cols! / 2;
      return shader({
        label: "rotary",
        threads: 256,
        read: { x: { part }, cos_table: { of: "cos" }, sin_table: { of: "sin" } },
        write: { y: { part } },
        sizes: { count: count * pairs, first },
        groups: Math.ceil(count * pairs / 256),
        body: `  let i = group * 256u + lane;
  if (i >= sizes.count) { return; }
  let row = i / ${pairs}u; let pair = i % ${pairs}u;
  let at = row * ${cols}u + pair / ${half}u * ${2 * half!}u + pair % ${half}u;
  let angle = (sizes.first + row) * ${half}u + pair % ${half}u;
  let c = cos_table[angle]; let s = ${attrs.inverse ? "-" : ""}sin_table[angle];
  let a = x[at]; let b = x[at + ${half}u];
  y[at] = a * c - b * s;
  y[at + ${half}u] = b * c + a * s;`,
      });
    }),
  }),
  grad: (g, { inputs, gradients, attrs }) => ({
    x: g.run(rotary, { x: gradients.y!, cos: inputs.cos!, sin: inputs.sin! }, {
      ...attrs,
      inverse: !attrs.inverse,
    }).y!,
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
};
