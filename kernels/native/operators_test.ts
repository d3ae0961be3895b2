/** Operators of our own beyond what graphs give them: sizes that don't fit, nothing to compute, and numbers at their ends. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";

import { openLibrary, OrtSession, OrtTensor } from "../backends/onnx/c_api/mod.ts";
import { OnnxModelBuilder } from "../backends/onnx/model_builder.ts";
import { scattered } from "../testing/scattered.ts";
import { NATIVE_DOMAIN, nativeLibrary } from "./mod.ts";

const { library, reason: noRuntime } = openLibrary(), { path, reason: noOperators } = nativeLibrary();
const reason = noRuntime ?? noOperators;
const test = (name: string, fn: () => void) =>
  Deno.test({
    name: `${name}${reason === null ? "" : ` (ignored: ${reason})`}`,
    ignore: reason !== null,
    fn,
  });

type Numbers = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
interface Given {
  data: Numbers;
  shape: readonly number[];
}

const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const floats = (...shape: number[]): Given => ({
  data: Float32Array.from(scattered(count(shape), shape.length)),
  shape,
});
const integers = (...data: number[]): Given => ({ data: Int32Array.from(data), shape: [data.length] });
/** Tiles of blocks, all zeros. */
const tiles = (...shape: number[]): Given => ({ data: new Uint8Array(count(shape)), shape });

function typeOf({ data }: Given): "f32" | "i32" | "u8" {
  return data instanceof Int32Array ? "i32" : data instanceof Uint8Array ? "u8" : "f32";
}

interface Call {
  op: string;
  /** null: left out. */
  inputs: readonly (Given | null)[];
  attrs?: Readonly<Record<string, number | { float: number }>>;
  /** Of its outputs. */
  shapes: readonly (readonly number[])[];
}

/** Runs an operator once; gives its outputs. */
function run({ op, inputs, attrs = {}, shapes }: Call): Float32Array[] {
  const g = new OnnxModelBuilder();
  const names = inputs.map((given, i) => given === null ? "" : g.input(`x${i}`, typeOf(given), given.shape));
  g.ops(op, names, shapes.length, attrs, NATIVE_DOMAIN).forEach((value, i) =>
    g.output(`y${i}`, value, "f32", shapes[i]!.map((_, axis) => `size${i}_${axis}`))
  );
  using session = new OrtSession(library!, g.encode("operator"), { threads: 2, operators: path });
  using stack = new DisposableStack();
  const over = (given: Given) => stack.use(OrtTensor.over(library!, given.data, given.shape, typeOf(given)));
  const outputs = shapes.map((shape) => ({ data: new Float32Array(count(shape)).fill(NaN), shape }));
  session.run(
    Object.fromEntries(inputs.flatMap((given, i) => given === null ? [] : [[`x${i}`, over(given)]])),
    Object.fromEntries(outputs.map((output, i) => [`y${i}`, over(output)])),
  );
  return outputs.map(({ data }) => data);
}

const seen = { heads: 2, kv_heads: 1, window: 0, scale: { float: 0.5 } }, alpha = { float: 1 };
const lora = { transposed: 0, down_alpha: alpha, up_alpha: alpha };
const pair = { transposed: 0, up_alpha0: alpha, up_alpha1: alpha, up_alpha2: alpha };
const rows3 = integers(3, 3, 3), places = integers(0, 1, 2);

/** Each operator with inputs that fit. */
const CALLS: Readonly<Record<string, Call>> = {
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
  label: { op: "LabelLogprob", inputs: [floats(2, 3), floats(5, 3), integers(0, 4)], shapes: [[2]] },
  labelUnit: {
    op: "LabelLogprobUnit",
    inputs: [floats(2, 3), floats(5, 3), integers(0, 4)],
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

const FACTORS = "factors don't fit",
  BASE = "the base doesn't fit the product",
  LORA = "LoRA's factors don't fit";
const HEADS = "heads must be a multiple of kv_heads", Q_K = "q and k don't fit", K_V = "k and v don't fit q";
const UNTIL = "until and positions don't fit k", ONE_SHAPE = "inputs aren't of one shape";
const MATRIX = "weights must be a matrix",
  FORM = "weights must be float32, bfloat16, float16 or tiles of blocks";
const WEIGHT = "the weight doesn't fit x", ID = "an id is none of the vocabulary's";

/** What doesn't fit: a call's input by its number, or an attribute, and what is said. */
const WRONG: readonly [call: string, change: Record<number, Given> | Call["attrs"], said: string][] = [
  ["attention", { heads: 0 }, HEADS],
  ["attention", { kv_heads: 0 }, HEADS],
  ["attention", { heads: 1, kv_heads: 2 }, HEADS],
  ["attention", { window: -1 }, HEADS],
  ["attention", { 0: floats(2, 5) }, Q_K],
  ["attention", { 0: floats(4, 4) }, Q_K],
  ["attention", { 0: floats(8) }, Q_K],
  ["attention", { 1: floats(6) }, Q_K],
  // An axis more than there may be, the first two of which fit.
  ["attention", { 0: floats(2, 4, 1) }, Q_K],
  ["product", { 0: floats(2, 3, 1) }, FACTORS],
  ["product", { 1: floats(3, 4, 1) }, MATRIX],
  ["loraProduct", { 2: floats(3, 2, 1) }, LORA],
  ["turned", { 0: floats(3, 2, 1) }, FACTORS],
  ["turned", { 1: floats(3, 4, 1) }, FACTORS],
  ["rotary", { 0: floats(2, 8, 1) }, "cos doesn't fit x"],
  ["label", { 0: floats(2, 3, 1) }, "h and w don't fit"],
  ["label", { 1: floats(5, 3, 1) }, MATRIX],
  ["attention", { 1: floats(3, 3) }, K_V],
  ["attention", { 2: floats(2, 2) }, K_V],
  ["attention", { 2: floats(3, 3) }, K_V],
  ["attention", { 3: integers(3, 3) }, UNTIL],
  ["attention", { 4: integers(0, 1, 2, 3) }, UNTIL],
  ["attention", { 0: floats(2, 0), 1: floats(3, 0), 2: floats(3, 0) }, "heads need columns"],
  ["attentionGrad", { 0: floats(2, 4) }, "q and k don't have as many rows"],
  ["attentionGrad", { 3: floats(3, 2) }, "o and its gradient don't fit q"],
  ["attentionGrad", { 4: floats(2, 4) }, "o and its gradient don't fit q"],
  ["product", { 1: floats(2, 4) }, FACTORS],
  ["product", { 0: floats(6) }, FACTORS],
  ["product", { 1: floats(12) }, MATRIX],
  ["product", { 2: floats(2, 3) }, BASE],
  ["product", { 2: floats(1, 4) }, BASE],
  [
    "product",
    { 1: { data: new Int32Array(12), shape: [3, 4] } },
    FORM,
  ],
  ["transposed", { 1: floats(4, 2) }, FACTORS],
  ["productPair", { 2: floats(4, 5) }, FACTORS],
  ["loraProduct", { 2: floats(2, 2) }, LORA],
  ["loraProduct", { 3: floats(3, 4) }, LORA],
  ["loraProduct", { 3: floats(2, 3) }, LORA],
  ["loraProduct", { 2: floats(6) }, LORA],
  ["loraProduct", { 3: floats(8) }, LORA],
  ["loraProduct", { 4: floats(2, 3) }, BASE],
  ["loraTransposed", { 2: floats(2, 4) }, LORA],
  ["loraTransposed", { 3: floats(3, 2) }, LORA],
  ["loraPair", { 4: floats(2, 5) }, FACTORS],
  ["loraPair", { 6: floats(2, 4) }, LORA],
  ["turned", { 1: floats(2, 4) }, FACTORS],
  ["turned", { 0: floats(6) }, FACTORS],
  ["turned", { 1: floats(12) }, FACTORS],
  ["turned", { 2: floats(4, 2) }, BASE],
  ["swiglu", { 1: floats(3, 2) }, ONE_SHAPE],
  ["swiglu", { 0: floats(6), 1: floats(6) }, ONE_SHAPE],
  ["swigluGrad", { 2: floats(2, 2) }, ONE_SHAPE],
  ["geglu", { 1: floats(2, 2) }, ONE_SHAPE],
  ["rotary", { 1: floats(2, 3) }, "cos doesn't fit x"],
  ["rotary", { 1: floats(2, 0) }, "cos doesn't fit x"],
  ["rotary", { 1: floats(4) }, "cos doesn't fit x"],
  ["rotary", { 1: floats(1, 2) }, "cos and sin don't have x's rows"],
  ["rotary", { 2: floats(2, 1) }, "cos and sin don't have x's rows"],
  ["label", { 1: floats(5, 2) }, "h and w don't fit"],
  ["label", { 0: floats(3) }, "h and w don't fit"],
  ["label", { 2: integers(0, 1, 2) }, "there must be an id for each row of h"],
  ["label", { 2: integers(0, 5) }, ID],
  ["labelUnit", { 2: integers(-1, 0) }, ID],
  ["ofTiles", { 1: tiles(1, 1, 16 * 18 - 1) }, FORM],
  ["ofTiles", { 1: tiles(1, 16 * 18) }, FORM],
  ["ofTiles", { 1: tiles(1, 2, 16 * 18) }, FACTORS],
  ["rows", { 0: floats(15) }, MATRIX],
  ["rows", { 1: { data: Int32Array.of(4, 0), shape: [2, 1] } }, "ids aren't a vector"],
  ["rows", { 1: integers(4, 5) }, "an id is none of a row"],
  ["rows", { 1: integers(-1, 0) }, "an id is none of a row"],
  ["norm", { 1: floats(3) }, WEIGHT],
  ["norm", { 1: floats(0) }, WEIGHT],
  ["norm", { 1: floats(1, 4) }, WEIGHT],
  ["norm", { 0: floats(4) }, WEIGHT],
  ["normGrad", { 2: floats(1, 4) }, "the gradient doesn't fit x"],
  ["normGrad", { 3: floats(2, 3) }, "the base doesn't fit x"],
];

test("operators of our own give numbers for inputs that fit, and say of others what doesn't", () => {
  for (const [name, call] of Object.entries(CALLS)) {
    for (const output of run(call)) assert(output.every(Number.isFinite), name);
  }
  for (const [name, change, said] of WRONG) {
    const call = CALLS[name]!, changed = new Map(Object.entries(change!));
    const inputs = call.inputs.map((given, i) => (changed.get(`${i}`) as Given | undefined) ?? given);
    const attrs = Object.fromEntries(
      Object.entries(call.attrs ?? {}).map(([key, value]) => [key, changed.get(key) ?? value]),
    ) as Call["attrs"];
    assertThrows(() => run({ ...call, inputs, ...(attrs && { attrs }) }), Error, said);
  }
});

test("operators of our own take no rows: nothing comes out, and of sums over rows the base or 0", () => {
  const none = { ...CALLS.product!, inputs: [floats(0, 3), floats(3, 4), null], shapes: [[0, 4]] };
  assertEquals(run(none), [new Float32Array()]);
  const turned = CALLS.turned!, nothing = [floats(0, 2), floats(0, 4)];
  assertEquals(run({ ...turned, inputs: [...nothing, null] }), [new Float32Array(8)]);
  const [base] = [floats(2, 4)];
  assertEquals(run({ ...turned, inputs: [...nothing, base] }), [base.data as Float32Array<ArrayBuffer>]);
  const empty = integers();
  const label = { ...CALLS.labelUnit!, inputs: [floats(0, 3), floats(5, 3), empty], shapes: [[0], [0, 3]] };
  assertEquals(run(label).map(({ length }) => length), [0, 0]);
  assertEquals(run({ op: "Rows", inputs: [floats(5, 3), empty], shapes: [[0, 3]] }), [new Float32Array()]);
  const attention = { ...CALLS.attention!, shapes: [[0, 4]] };
  assertEquals(
    run({ ...attention, inputs: [floats(0, 4), ...attention.inputs.slice(1)] }),
    [new Float32Array()],
  );
  assertEquals(
    run({ ...CALLS.swiglu!, inputs: [floats(0, 3), floats(0, 3)], shapes: [[0, 3]] })[0]!.length,
    0,
  );
  assertEquals(run({ ...CALLS.norm!, inputs: [floats(0, 4), floats(2)], shapes: [[0, 4]] })[0]!.length, 0);
});

test("a window wider than any row is none, beyond 31 bits too", () => {
  const rows = 37, until = integers(...Array(rows).fill(rows)), at = integers(...Array(rows).keys());
  const of = (window: number) =>
    run({
      op: "Attention",
      inputs: [floats(rows, 4), floats(rows, 2), floats(rows, 2), until, at],
      attrs: { ...seen, window },
      shapes: [[rows, 4]],
    });
  for (const window of [rows, 2 ** 31 - 1, 2 ** 31, 2 ** 32 + 1, 2 ** 40]) assertEquals(of(window), of(0));
});

test("log-probabilities of equal logits are minus the logarithm of their number, to float32's last bit", () => {
  // Mantissas near √2, where the logarithm's series is longest, and near 1.
  for (const vocab of [1, 2, 3, 181, 1_448, 5_793, 4_096, 4_097]) {
    const zeros = { data: new Float32Array(4), shape: [1, 4] };
    const [logp] = run({ op: "LabelLogprob", inputs: [zeros, floats(vocab, 4), integers(0)], shapes: [[1]] });
    assertAlmostEquals(logp![0]!, -Math.log(vocab), 2 ** -24 * Math.log(vocab) + 1e-12, `${vocab}`);
  }
});

test("rows so long that one share's sums are more than memory is taken for have one share all the same", () => {
  const columns = 1_400_001, w = { data: new Float32Array(2 * columns), shape: [2, columns] };
  const h = { data: new Float32Array(columns), shape: [1, columns] };
  // Logits 2 and −1; by hand p of the other one is 1 / (1 + e³).
  h.data[columns - 1] = 1;
  w.data.set([2], columns - 1);
  w.data.set([-1], 2 * columns - 1);
  const [logp, dh] = run({
    op: "LabelLogprobUnit",
    inputs: [h, w, integers(0)],
    shapes: [[1], [1, columns]],
  });
  const other = 1 / (1 + Math.exp(3));
  assertAlmostEquals(logp![0]!, Math.log1p(-other), 1e-7);
  assertAlmostEquals(dh![columns - 1]!, 3 * other, 1e-6);
  assertEquals(dh!.subarray(0, columns - 1).every((v) => v === 0), true);
});
