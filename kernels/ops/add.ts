/**
 * Sum of two tensors of the same shape: `y = a + b`.
 * @module
 */
import type { Kernel } from "../kernel.ts";

/** `y = a + b`, any `[rows, cols]`. */
export const add: Kernel = {
  name: "add",
  inputs: { a: ["rows", "cols"], b: ["rows", "cols"] },
  outputs: { y: ["rows", "cols"] },
  reference: ({ a, b }) => ({ y: a!.map((v, i) => v + b![i]!) }),
  onnx: () => [{ op: "Add", in: ["a", "b"], out: ["y"] }],
  wgsl: null,
  grad: (_g, { gradients }) => ({ a: gradients.y!, b: gradients.y! }),
  cheap: true,
  samples: [
    { dims: { rows: 1, cols: 1 }, note: "one element" },
    { dims: { rows: 7, cols: 65 }, note: "odd sizes" },
    { dims: { rows: 130, cols: 33 }, range: { a: [-1e30, 1e30] }, gradient: false, note: "large values" },
  ],
  tolerance: { atol: 1e-6, rtol: 1e-6 },
};
