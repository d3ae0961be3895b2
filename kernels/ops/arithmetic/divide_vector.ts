/**
 * Quotients of two vectors: what DoRA's products are multiplied by is a trained length divided by a row's own.
 * @module
 */
import { defineKernel, type Kernel } from "../../kernel.ts";
import { zip } from "../../vectors.ts";
import { elementwise } from "../wgsl/elementwise.ts";

type In = { a: readonly ["rows"]; b: readonly ["rows"] };
type Out = { y: readonly ["rows"] };

/** `y = a / b`. The gradient reaches `a` alone. */
export const divideVector: Kernel<In, Out> = defineKernel({
  name: "divide_vector",
  inputs: { a: ["rows"], b: ["rows"] },
  outputs: { y: ["rows"] },
  constants: ["b"],
  reference: ({ a, b }) => ({ y: zip((x, y) => x / y, a, b) }),
  onnx: () => [{ op: "Div", in: ["a", "b"], out: ["y"] }],
  wgsl: ({ rows }, _attrs, limits) => ({
    dispatches: elementwise({
      label: "divide_vector",
      rows: 1,
      cols: rows,
      inputs: { a: "element", b: "element" },
      outputs: ({ a, b }) => ({ y: `${a} / ${b}` }),
    }, limits),
  }),
  grad: (g, { inputs: { b }, gradients: { y: dy }, needs }) => ({
    a: needs.has("a") ? g.run(divideVector, { a: dy, b }).y : null,
  }),
  cheap: true,
  samples: [
    { dims: { rows: 1 }, range: { b: [1, 2] }, note: "one element" },
    { dims: { rows: 65 }, range: { b: [1, 2] }, note: "odd size" },
    { dims: { rows: 130 }, range: { a: [-1e3, 1e3], b: [8, 40] }, note: "more than a workgroup, large" },
  ],
  tolerance: { atol: 1e-6, rtol: 1e-6 },
});
