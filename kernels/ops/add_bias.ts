/**
 * Adds a bias to every row.
 * @module
 */
import type { Kernel } from "../kernel.ts";
import { sumRows } from "./sum_rows.ts";
import { elementwise } from "./_wgsl.ts";

/** `y[r, c] = x[r, c] + bias[c]`. */
export const addBias: Kernel = {
  name: "add_bias",
  inputs: { x: ["rows", "cols"], bias: ["cols"] },
  outputs: { y: ["rows", "cols"] },
  reference: ({ x, bias }) => ({ y: x!.map((v, i) => v + bias![i % bias!.length]!) }),
  onnx: () => [{ op: "Add", in: ["x", "bias"], out: ["y"] }],
  wgsl: ({ rows, cols }, _attrs, limits) => ({
    dispatches: elementwise("add_bias", rows!, cols!, limits, [{ name: "x", per: "element" }, {
      name: "bias",
      per: "column",
    }], { y: "x + bias" }),
  }),
  grad: (g, { gradients, needs }) => ({
    x: gradients.y!,
    bias: needs.has("bias") ? g.run(sumRows, { x: gradients.y! }).y! : null,
  }),
  cheap: true,
  samples: [
    { dims: { rows: 1, cols: 1 }, note: "one element" },
    { dims: { rows: 7, cols: 65 }, note: "odd sizes" },
    {
      dims: { rows: 131, cols: 3 },
      range: { bias: [-1e4, 1e4] },
      note: "large bias, more rows than a workgroup",
    },
  ],
  tolerance: { atol: 1e-6, rtol: 1e-6 },
};
