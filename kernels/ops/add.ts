/**
 * Sum of two tensors of the same shape: `y = a + b`.
 * @module
 */
import type { Kernel } from "../kernel.ts";
import { elementwise } from "./_wgsl.ts";

const sum: Omit<Kernel, "name" | "inputs" | "outputs"> = {
  reference: ({ a, b }) => ({ y: a!.map((v, i) => v + b![i]!) }),
  onnx: () => [{ op: "Add", in: ["a", "b"], out: ["y"] }],
  // A vector is one row.
  wgsl: ({ rows, cols }, _attrs, limits) => ({
    dispatches: elementwise(
      "add",
      cols === undefined ? 1 : rows!,
      cols ?? rows!,
      limits,
      [{ name: "a", per: "element" }, { name: "b", per: "element" }],
      { y: "a + b" },
    ),
  }),
  grad: (_g, { gradients }) => ({ a: gradients.y!, b: gradients.y! }),
  cheap: true,
  samples: [
    { dims: { rows: 1, cols: 1 }, note: "one element" },
    { dims: { rows: 7, cols: 65 }, note: "odd sizes" },
    { dims: { rows: 130, cols: 33 }, range: { a: [-1e30, 1e30] }, gradient: false, note: "large values" },
  ],
  tolerance: { atol: 1e-6, rtol: 1e-6 },
};

/** `y = a + b`, `[rows, cols]`. */
export const add: Kernel = {
  name: "add",
  inputs: { a: ["rows", "cols"], b: ["rows", "cols"] },
  outputs: { y: ["rows", "cols"] },
  ...sum,
};

/** `y = a + b`, `[rows]`: biases and norm weights. */
export const addVector: Kernel = {
  name: "add_vector",
  inputs: { a: ["rows"], b: ["rows"] },
  outputs: { y: ["rows"] },
  ...sum,
};

/** The kernel that adds tensors of a rank. @throws {TypeError} If the rank is neither 1 nor 2. */
export function addOfRank(rank: number): Kernel {
  if (rank !== 1 && rank !== 2) throw new TypeError(`Cannot add tensors of rank ${rank}: 1 and 2 are known`);
  return rank === 1 ? addVector : add;
}
