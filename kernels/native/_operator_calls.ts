/**
 * Operators of our own run one at a time, for tests.
 * @module
 */
import { openLibrary, OrtSession, OrtTensor } from "../backends/onnx/c_api/mod.ts";
import { OnnxModelBuilder } from "../backends/onnx/model_builder.ts";
import { scattered } from "../testing/scattered.ts";
import { NATIVE_DOMAIN, nativeLibrary } from "./mod.ts";

const { library, reason: noRuntime } = openLibrary(), { path, reason: noOperators } = nativeLibrary();
const reason = noRuntime ?? noOperators;

/** A test that is left out, and says why, where the operators can't run. */
export function operatorTest(name: string, fn: () => void): void {
  Deno.test({
    name: `${name}${reason === null ? "" : ` (ignored: ${reason})`}`,
    ignore: reason !== null,
    fn,
  });
}

type Numbers = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

/** An input of an operator. */
export interface OperatorInput {
  data: Numbers;
  shape: readonly number[];
}

const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Scattered numbers of a shape. */
export const floats = (...shape: number[]): OperatorInput => ({
  data: Float32Array.from(scattered(count(shape), shape.length)),
  shape,
});

/** A list of whole numbers. */
export const integers = (...data: number[]): OperatorInput => ({
  data: Int32Array.from(data),
  shape: [data.length],
});

/** Tiles of blocks, all zeros. */
export const tiles = (...shape: number[]): OperatorInput => ({ data: new Uint8Array(count(shape)), shape });

function typeOf({ data }: OperatorInput): "f32" | "i32" | "u8" {
  return data instanceof Int32Array ? "i32" : data instanceof Uint8Array ? "u8" : "f32";
}

/** An operator with what it is given. */
export interface OperatorCall {
  op: string;
  /** null: left out. */
  inputs: readonly (OperatorInput | null)[];
  attrs?: Readonly<Record<string, number | { float: number }>>;
  /** Of its outputs. */
  shapes: readonly (readonly number[])[];
}

/** Runs an operator once; gives its outputs. */
export function runOperator({ op, inputs, attrs = {}, shapes }: OperatorCall): Float32Array[] {
  const g = new OnnxModelBuilder();
  const names = inputs.map((given, i) => given === null ? "" : g.input(`x${i}`, typeOf(given), given.shape));
  g.ops(op, names, { count: shapes.length, attrs, domain: NATIVE_DOMAIN }).forEach((value, i) =>
    g.output(`y${i}`, value, "f32", shapes[i]!.map((_, axis) => `size${i}_${axis}`))
  );
  using session = new OrtSession(library!, g.encode("operator"), { threads: 2, operators: path });
  using stack = new DisposableStack();
  const over = (given: OperatorInput) =>
    stack.use(OrtTensor.over(library!, given.data, given.shape, typeOf(given)));
  const outputs = shapes.map((shape) => ({ data: new Float32Array(count(shape)).fill(NaN), shape }));
  session.run(
    Object.fromEntries(inputs.flatMap((given, i) => given === null ? [] : [[`x${i}`, over(given)]])),
    Object.fromEntries(outputs.map((output, i) => [`y${i}`, over(output)])),
  );
  return outputs.map(({ data }) => data);
}

const seen = { heads: 2, kv_heads: 1, window: 0, scale: { float: 0.5 }, cap: { float: 0 } };
const alpha = { float: 1 };
const lora = { transposed: 0, down_alpha: alpha, up_alpha: alpha };
const pair = { transposed: 0, up_alpha0: alpha, up_alpha1: alpha, up_alpha2: alpha };
const rows3 = integers(3, 3, 3), places = integers(0, 1, 2);

/** Each operator with inputs that fit. */
export const OPERATOR_CALLS: Readonly<Record<string, OperatorCall>> = {
  attention: {
    op: "Attention",
    inputs: [floats(2, 4), floats(3, 2), floats(3, 2), rows3, places],
    attrs: seen,
    shapes: [[2, 4]],
  },
  attentionGrad: {
    op: "AttentionGrad",
    inputs: [floats(3, 4), floats(3, 2), floats(3, 2), floats(3, 4), floats(3, 4), rows3, places],
    attrs: seen,
    shapes: [[3, 4], [3, 2], [3, 2]],
  },
  product: {
    op: "Product",
    inputs: [floats(2, 3), floats(3, 4), floats(2, 4)],
    attrs: { transposed: 0, alpha },
    shapes: [[2, 4]],
  },
  transposed: {
    op: "Product",
    inputs: [floats(2, 3), floats(4, 3), null],
    attrs: { transposed: 1, alpha },
    shapes: [[2, 4]],
  },
  productPair: {
    op: "ProductPair",
    inputs: [floats(2, 3), floats(3, 4), floats(3, 5)],
    attrs: { transposed: 0 },
    shapes: [[2, 4], [2, 5]],
  },
  loraProduct: {
    op: "LoraProduct",
    inputs: [floats(2, 3), floats(3, 4), floats(3, 2), floats(2, 4), floats(2, 4)],
    attrs: lora,
    shapes: [[2, 4], [2, 2]],
  },
  loraTransposed: {
    op: "LoraProduct",
    inputs: [floats(2, 3), floats(4, 3), floats(2, 3), floats(4, 2), null],
    attrs: { ...lora, transposed: 1 },
    shapes: [[2, 4], [2, 2]],
  },
  loraPair: {
    op: "LoraPair",
    inputs: [
      floats(2, 3),
      floats(3, 4),
      floats(3, 2),
      floats(2, 4),
      floats(3, 5),
      floats(3, 2),
      floats(2, 5),
    ],
    attrs: pair,
    shapes: [[2, 4], [2, 2], [2, 5], [2, 2]],
  },
  turned: {
    op: "TurnedProduct",
    inputs: [floats(3, 2), floats(3, 4), floats(2, 4)],
    attrs: { alpha },
    shapes: [[2, 4]],
  },
  swiglu: { op: "Swiglu", inputs: [floats(2, 3), floats(2, 3)], shapes: [[2, 3]] },
  swigluGrad: {
    op: "SwigluGrad",
    inputs: [floats(2, 3), floats(2, 3), floats(2, 3)],
    shapes: [[2, 3], [2, 3]],
  },
  geglu: { op: "Geglu", inputs: [floats(2, 3), floats(2, 3)], shapes: [[2, 3]] },
  rotary: {
    op: "Rotary",
    inputs: [floats(2, 8), floats(2, 2), floats(2, 2)],
    attrs: { inverse: 0 },
    shapes: [[2, 8]],
  },
  label: {
    op: "LabelLogprob",
    inputs: [floats(2, 3), floats(5, 3), integers(0, 4)],
    attrs: { cap: { float: 0 } },
    shapes: [[2]],
  },
  labelUnit: {
    op: "LabelLogprobUnit",
    inputs: [floats(2, 3), floats(5, 3), integers(0, 4)],
    attrs: { cap: { float: 0 } },
    shapes: [[2], [2, 3]],
  },
  // 16 rows of 32 columns in Q4_0, of 18 bytes a block.
  ofTiles: {
    op: "Product",
    inputs: [floats(2, 32), tiles(1, 1, 16 * 18), null],
    attrs: { transposed: 1, alpha },
    shapes: [[2, 16]],
  },
  rows: { op: "Rows", inputs: [floats(5, 3), integers(4, 0)], shapes: [[2, 3]] },
  norm: {
    op: "RmsNorm",
    inputs: [floats(2, 4), floats(2)],
    attrs: { eps: { float: 1e-5 } },
    shapes: [[2, 4]],
  },
  normGrad: {
    op: "RmsNormGrad",
    inputs: [floats(2, 4), floats(4), floats(2, 4), floats(2, 4)],
    attrs: { eps: { float: 1e-5 } },
    shapes: [[2, 4]],
  },
};
