/**
 * Products with a frozen weight in 4 or 8 bits, which is float32 only inside of a product, one matrix at a time: forward through
 * ONNX Runtime's MatMulNBits, backward through rows that GatherBlockQuantized makes for one product.
 *
 * Value i of group j of a row is `scale[j] · (code − 2^(bits − 1)) + minimum[j]`, 32 values a group (formats/packed). Codes come
 * as int32 words, the first in the lowest bits: `bits` words a group, which says how many bits a code has.
 * @module
 */
import { f64 } from "../../../formats/elements.ts";
import {
  defineKernel,
  type Dims,
  fixedSizes,
  type Kernel,
  type Sample,
  type SymbolicDims,
} from "../../kernel.ts";
import { constantNode, type OnnxNode } from "../../onnx_node.ts";
import { dot, row } from "../../vectors.ts";
import { shader } from "../wgsl/shader.ts";

/** Values that share a scale. */
const GROUP = 32;

const WEIGHT = { codes: ["out", "words"], scales: ["out", "groups"], minima: ["out", "groups"] } as const;
type WeightArrays = Readonly<Record<keyof typeof WEIGHT, Float64Array>>;
const LINEAR = { inputs: { x: ["rows", "in"], ...WEIGHT }, outputs: { y: ["rows", "out"] } } as const;
const MATMUL = {
  inputs: { a: ["rows", "out"], ...WEIGHT, like: ["rows", "in"] },
  outputs: { y: ["rows", "in"] },
} as const;

/** Bits of a code. @throws {TypeError} If sizes aren't those of whole groups of 4 or 8 bits. */
function bitsOf({ words, groups }: { words: number; groups: number }): 4 | 8 {
  const bits = words / groups;
  if (bits === 4 || bits === 8) return bits;
  throw new TypeError(`Cannot read ${words} words as ${groups} groups: they are of ${bits} bits, not 4 or 8`);
}

/** The weight, `[out, in]`. */
function unpackedRows({ codes, scales, minima }: WeightArrays, bits: 4 | 8): Float64Array {
  const perWord = GROUP / bits, mask = 2 ** bits - 1, zero = 2 ** (bits - 1);
  const w = new Float64Array(scales.length * GROUP);
  for (let i = 0; i < w.length; i++) {
    const group = Math.floor(i / GROUP),
      code = f64(codes, Math.floor(i / perWord)) >>> bits * (i % perWord) & mask;
    w[i] = f64(scales, group) * (code - zero) + f64(minima, group);
  }
  return w;
}

/** Sizes of a weight, fixed. @throws {TypeError} If they aren't of whole groups. */
function weightSizes(dims: SymbolicDims<"in" | "out" | "words" | "groups">) {
  const sizes = fixedSizes(dims, "in", "out", "words", "groups");
  if (sizes.in === GROUP * sizes.groups) return { ...sizes, bits: bitsOf(sizes) };
  throw new TypeError(
    `Cannot read ${sizes.groups} groups as rows of ${sizes.in}: they hold ${GROUP} values each`,
  );
}

/** `y[rows, out] = x[rows, in] wᵀ` with w in few bits. */
export const linearPacked: Kernel<typeof LINEAR.inputs, typeof LINEAR.outputs> = defineKernel({
  name: "linear_packed",
  ...LINEAR,
  integers: ["codes"],
  bytes: ["codes"],
  constants: ["scales", "minima"],
  reference: ({ x, ...weight }, dims) => {
    const w = unpackedRows(weight, bitsOf(dims)), y = new Float64Array(dims.rows * dims.out);
    return {
      y: y.map((_, i) => dot(row(x, Math.floor(i / dims.out), dims.in), row(w, i % dims.out, dims.in))),
    };
  },
  onnx: (dims) => {
    const { in: K, out: N, groups, bits } = weightSizes(dims);
    const attrs = { K, N, bits, block_size: GROUP };
    return [
      constantNode("blocks", "i64", [N, groups, 4 * bits]),
      { op: "Reshape", in: ["codes", "blocks"], out: ["b"] },
      { op: "MatMulNBits", domain: "com.microsoft", in: ["x", "b", "scales"], out: ["scaled"], attrs },
      // Minima: each is times the sum of the group's values.
      constantNode("grouped", "i64", [-1, groups, GROUP]),
      constantNode("last", "i64", [2]),
      { op: "Reshape", in: ["x", "grouped"], out: ["x3"] },
      { op: "ReduceSum", in: ["x3", "last"], out: ["sums"], attrs: { keepdims: 0 } },
      { op: "Gemm", in: ["sums", "minima", "scaled"], out: ["y"], attrs: { transB: 1 } },
    ];
  },
  wgsl: (dims) =>
    shaders(
      "linear_packed",
      dims,
      {
        operand: "x",
        cols: dims.out,
        loop: `  for (var c = 0u; c < ${dims.in}u; c++) {
    sum += x[row * ${dims.in}u + c] * weight(col, c);
  }`,
      },
    ),
  grad: (g, { inputs: { x, codes, scales, minima }, gradients: { y: a } }) => ({
    x: g.run(matmulPacked, { a, codes, scales, minima, like: x }).y,
  }),
  samples: samples({ scales: [-0.5, 0.5], minima: [-1, 1] }),
  tolerance: { atol: 2e-4, rtol: 1e-5 },
});

/** `y[rows, in] = a[rows, out] w` with w in few bits; `like` has y's shape and is read nowhere. */
export const matmulPacked: Kernel<typeof MATMUL.inputs, typeof MATMUL.outputs> = defineKernel({
  name: "matmul_packed",
  ...MATMUL,
  integers: ["codes"],
  bytes: ["codes"],
  constants: ["scales", "minima", "like"],
  reference: ({ a, codes, scales, minima }, dims) => {
    const w = unpackedRows({ codes, scales, minima }, bitsOf(dims)),
      y = new Float64Array(dims.rows * dims.in);
    for (let i = 0; i < dims.rows; i++) {
      const sum = row(y, i, dims.in);
      for (let o = 0; o < dims.out; o++) {
        const factor = f64(a, i * dims.out + o);
        const values = row(w, o, dims.in);
        for (let c = 0; c < dims.in; c++) sum[c] = f64(sum, c) + factor * f64(values, c);
      }
    }
    return { y };
  },
  onnx: (dims) => {
    const { in: K, out: N, groups, bits } = weightSizes(dims);
    const attrs = { bits, block_size: GROUP, gather_axis: 0, quantize_axis: 1 };
    return [
      // Rows to gather: all, plus nothing times the number of a's rows, so that a weight isn't made before its product is next.
      constantNode("zero", "i64", [0]),
      constantNode("one", "i64", [1]),
      constantNode("all", "i64", Array.from({ length: N }, (_, i) => i)),
      { op: "Shape", in: ["a"], out: ["size"] },
      { op: "Slice", in: ["size", "zero", "one"], out: ["rows"] },
      { op: "Mul", in: ["rows", "zero"], out: ["nothing"] },
      { op: "Add", in: ["all", "nothing"], out: ["ids"] },
      {
        op: "GatherBlockQuantized",
        domain: "com.microsoft",
        in: ["codes", "ids", "scales"],
        out: ["w"],
        attrs,
      },
      { op: "MatMul", in: ["a", "w"], out: ["scaled"] },
      // Minima: each goes to the values of its group.
      constantNode("grouped", "i64", [-1, groups, GROUP]),
      constantNode("flat", "i64", [-1, K]),
      constantNode("last", "i64", [2]),
      { op: "MatMul", in: ["a", "minima"], out: ["m"] },
      { op: "Unsqueeze", in: ["m", "last"], out: ["m3"] },
      { op: "Reshape", in: ["scaled", "grouped"], out: ["s3"] },
      { op: "Add", in: ["s3", "m3"], out: ["y3"] },
      { op: "Reshape", in: ["y3", "flat"], out: ["y"] },
    ] satisfies OnnxNode[];
  },
  wgsl: (dims) =>
    shaders(
      "matmul_packed",
      dims,
      {
        operand: "a",
        cols: dims.in,
        loop: `  for (var o = 0u; o < ${dims.out}u; o++) {
    sum += a[row * ${dims.out}u + o] * weight(o, col);
  }`,
      },
    ),
  grad: (g, { inputs: { codes, scales, minima }, gradients: { y: x } }) => ({
    a: g.run(linearPacked, { x, codes, scales, minima }).y,
  }),
  samples: samples({ scales: [-0.5, 0.5], minima: [-1, 1] }),
  tolerance: { atol: 2e-4, rtol: 1e-5 },
});

/** One invocation an element of `y`; written to be right, not fast. */
function shaders(
  label: string,
  dims: Dims<"rows" | "out" | "in" | "words" | "groups">,
  { operand, cols, loop }: { operand: string; cols: number; loop: string },
) {
  const { groups, words } = dims, bits = bitsOf(dims), perWord = GROUP / bits, count = dims.rows * cols;
  const read = { [operand]: {}, codes: { element: "i32" as const }, scales: {}, minima: {} };
  return {
    dispatches: [shader({
      label,
      threads: 64,
      read,
      write: { y: {} },
      sizes: { count },
      workgroups: Math.ceil(count / 64),
      declarations: `fn weight(row: u32, col: u32) -> f32 {
  let word = bitcast<u32>(codes[row * ${words}u + col / ${perWord}u]);
  let code = (word >> (${bits}u * (col % ${perWord}u))) & ${2 ** bits - 1}u;
  let group = row * ${groups}u + col / ${GROUP}u;
  return scales[group] * (f32(code) - ${2 ** (bits - 1)}.0) + minima[group];
}`,
      body: `  let i = workgroup * 64u + lane;
  if (i >= sizes.count) { return; }
  let row = i / ${cols}u;
  let col = i % ${cols}u;
  var sum = 0.0;
${loop}
  y[i] = sum;`,
    })],
  };
}

interface PackedSize {
  rows: number;
  out: number;
  groups: number;
  bits: 4 | 8;
}

/** Sizes 1, odd ones, and more than a workgroup; codes of all values, words with the highest bit set too. */
function samples(range: Sample["range"] & object): Sample[] {
  const one = (note: string, { rows, out, groups, bits }: PackedSize): Sample => {
    const words = groups * bits;
    const codes = Array.from({ length: out * words }, (_, i) => Math.imul(i + 1, 0x9e3779b1) | 0);
    return { dims: { rows, out, groups, words, in: GROUP * groups }, data: { codes }, range, note };
  };
  return [
    one("one group of 4 bits", { rows: 1, out: 1, groups: 1, bits: 4 }),
    one("one group of 8 bits", { rows: 1, out: 1, groups: 1, bits: 8 }),
    one("odd sizes", { rows: 3, out: 5, groups: 2, bits: 4 }),
    one("more than a workgroup", { rows: 7, out: 67, groups: 3, bits: 8 }),
    one("many rows", { rows: 130, out: 48, groups: 4, bits: 4 }),
  ];
}
