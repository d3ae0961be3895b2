/**
 * Sum of two tensors of the same shape: `y = a + b`.
 * @module
 */
import { type Axes, defineKernel, type Kernel } from "../../kernel.ts";
import { zip } from "../../vectors.ts";
import { matrixSizes, ofRank } from "../matrix.ts";
import { elementwise } from "../wgsl/elementwise.ts";

function sumOf<const Shape extends Axes[string]>(name: string, axes: Shape) {
  return defineKernel({
    name,
    inputs: { a: axes, b: axes },
    outputs: { y: axes },
    inPlace: { y: "a" },
    reference: ({ a, b }) => ({ y: zip((x, y) => x + y, a, b) }),
    onnx: () => [{ op: "Add", in: ["a", "b"], out: ["y"] }],
    wgsl: (dims, _attrs, limits) => ({
      dispatches: elementwise({
        label: "add",
        ...matrixSizes(axes, dims),
        inputs: { a: "element", b: "element" },
        inPlace: { y: "a" },
        outputs: ({ a, b }) => ({ y: `${a} + ${b}` }),
      }, limits),
    }),
    grad: (_g, { gradients: { y: dy } }) => ({ a: dy, b: dy }),
    // A block's sums are of products' results.
    dear: true,
    samples: [
      { dims: { rows: 1, cols: 1 }, note: "one element" },
      { dims: { rows: 7, cols: 65 }, note: "odd sizes" },
      { dims: { rows: 130, cols: 33 }, range: { a: [-1e30, 1e30] }, gradient: false, note: "large values" },
    ],
    tolerance: { atol: 1e-6, rtol: 1e-6 },
  });
}

/** `y = a + b`, `[rows, cols]`. */
export const add = sumOf("add", ["rows", "cols"]);

/** `y = a + b`, `[rows]`: biases and norm weights. */
export const addVector = sumOf("add_vector", ["rows"]);

type Tensors<Name extends string> = Readonly<Record<Name, readonly string[]>>;

/** The kernel that adds tensors of a rank. @throws {TypeError} If the rank is neither 1 nor 2. */
export function addOfRank(rank: number): Kernel<Tensors<"a" | "b">, Tensors<"y">> {
  return ofRank<Kernel<Tensors<"a" | "b">, Tensors<"y">>>(rank, { vector: addVector, matrix: add });
}
