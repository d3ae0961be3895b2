/**
 * Lengths of a merged weight's rows, which trained ones take the place of: weight-decomposed LoRA (DoRA, Liu et al. 2024, equation 5).
 *
 * The length of row o of W + s B A comes without that matrix: its square is
 * `‖W_o‖² + s Σ_k B[o, k] (2 (A Wᵀ)[k, o] + s (B A Aᵀ)[o, k])`, which two products of rank r give, `r / rows` of the work of the
 * product with W, and no memory of W's size. As in PEFT, it is a constant to gradients (section 4.3 there).
 * @module
 */
import { f64 } from "../../../formats/elements.ts";
import { defineKernel, type Kernel, number } from "../../kernel.ts";
import { constantNode } from "../../onnx_node.ts";
import { literal, shader } from "../wgsl/shader.ts";

const AXES = {
  inputs: {
    norm: ["out"],
    aw: ["rank", "out"],
    b: ["out", "rank"],
    bg: ["out", "rank"],
  },
  outputs: { length: ["out"] },
} as const;

/**
 * `length[o] = ‖W_o + scale · (B A)_o‖`, of `norm[o] = ‖W_o‖`, `aw = A Wᵀ`, `bg = B (A Aᵀ)`. Attribute `scale` is
 * LoRA's α/r or α/√r.
 */
export const doraLength: Kernel<typeof AXES.inputs, typeof AXES.outputs> = defineKernel({
  name: "dora_length",
  ...AXES,
  constants: ["norm", "aw", "b", "bg"],
  reference: ({ norm, aw, b, bg }, { out, rank }, attrs) => {
    const scale = number(attrs, "scale");
    const length = norm.map((frozen, o) => {
      let sum = 0;
      for (let k = 0; k < rank; k++) {
        const at = o * rank + k;
        sum += f64(b, at) * (2 * f64(aw, k * out + o) + scale * f64(bg, at));
      }
      return Math.sqrt(frozen ** 2 + scale * sum);
    });
    return { length };
  },
  onnx: (_dims, attrs) => [
    constantNode("scale", "f32", number(attrs, "scale")),
    constantNode("two", "f32", 2),
    constantNode("last", "i64", [-1]),
    { op: "Transpose", in: ["aw"], out: ["wa"], attrs: { perm: [1, 0] } },
    { op: "Mul", in: ["wa", "two"], out: ["twice"] },
    { op: "Mul", in: ["bg", "scale"], out: ["scaled"] },
    { op: "Add", in: ["twice", "scaled"], out: ["both"] },
    { op: "Mul", in: ["b", "both"], out: ["products"] },
    { op: "ReduceSum", in: ["products", "last"], out: ["sum"], attrs: { keepdims: 0 } },
    { op: "Mul", in: ["sum", "scale"], out: ["added"] },
    { op: "Mul", in: ["norm", "norm"], out: ["square"] },
    { op: "Add", in: ["square", "added"], out: ["whole"] },
    { op: "Sqrt", in: ["whole"], out: ["length"] },
  ],
  wgsl: ({ out, rank }, attrs) => ({
    dispatches: [shader({
      label: "dora_length",
      threads: 64,
      read: { norm: {}, aw: {}, b: {}, bg: {} },
      write: { length: {} },
      sizes: { rows: out, rank },
      workgroups: Math.ceil(out / 64),
      body: `  let o = workgroup * 64u + lane;
  if (o >= sizes.rows) { return; }
  let scale = ${literal(number(attrs, "scale"))};
  var sum = 0f;
  for (var k = 0u; k < sizes.rank; k++) {
    let at = o * sizes.rank + k;
    sum += b[at] * (2f * aw[k * sizes.rows + o] + scale * bg[at]);
  }
  length[o] = sqrt(norm[o] * norm[o] + scale * sum);`,
    })],
  }),
  grad: () => ({}),
  ofWeights: true,
  samples: [
    { dims: { out: 1, rank: 1 }, attrs: { scale: 2 }, range: { norm: [3, 4] }, note: "one element" },
    { dims: { out: 65, rank: 3 }, attrs: { scale: 0.5 }, range: { norm: [3, 4] }, note: "odd sizes" },
    {
      dims: { out: 130, rank: 8 },
      attrs: { scale: 2 },
      range: { norm: [8, 40] },
      note: "more than a workgroup, large lengths",
    },
  ],
  tolerance: { atol: 1e-5, rtol: 1e-5 },
});
