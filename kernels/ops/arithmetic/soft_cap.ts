/**
 * Values held between −cap and cap, cap · tanh(x / cap): Gemma 2's logits where they are given out whole. Attention and the head's kernels cap theirs
 * themselves.
 * @module
 */
import { type Attributes, defineKernel, number } from "../../kernel.ts";
import { softCapNodes, softCapped } from "../soft_capping.ts";
import { elementwise } from "../wgsl/elementwise.ts";
import { widthOf } from "../wgsl/shader.ts";
import { cappedWgsl, softTanh } from "../wgsl/soft_cap.ts";

const capOfAttribute = (attrs: Attributes) => number(attrs, "cap");

/** `y = cap · tanh(x / cap)`. Attribute `cap`, > 0. */
export const softCap = defineKernel({
  name: "soft_cap",
  inputs: { x: ["rows", "cols"] },
  outputs: { y: ["rows", "cols"] },
  reference: ({ x }, _dims, attrs) => ({ y: x.map((value) => softCapped(value, capOfAttribute(attrs))) }),
  onnx: (_dims, attrs) => softCapNodes("x", "y", capOfAttribute(attrs)),
  wgsl: ({ rows, cols }, attrs, limits) => ({
    dispatches: elementwise({
      label: "soft_cap",
      rows,
      cols,
      inputs: { x: "element" },
      declarations: softTanh("V", widthOf(cols) === 4),
      outputs: ({ x }) => ({ y: cappedWgsl(x, capOfAttribute(attrs)) }),
    }, limits),
  }),
  grad: null,
  samples: [
    { dims: { rows: 1, cols: 1 }, attrs: { cap: 30 }, note: "one element" },
    { dims: { rows: 7, cols: 65 }, attrs: { cap: 2 }, range: { x: [-6, 6] }, note: "odd sizes" },
    { dims: { rows: 130, cols: 4 }, attrs: { cap: 30 }, range: { x: [-1e30, 1e30] }, note: "large values" },
    { dims: { rows: 3, cols: 64 }, attrs: { cap: 30 }, range: { x: [-1e-3, 1e-3] }, note: "values near 0" },
  ],
  tolerance: { atol: 1e-9, rtol: 1e-6 },
});
