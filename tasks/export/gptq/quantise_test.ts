/** GPTQ of matrices against the paper's algorithm in NumPy (fixtures/goldens/gptq/make_quantised.py). */
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";

import { item } from "../../../formats/elements.ts";
import { DoubleProducts } from "../../../kernels/backends/onnx/double_products.ts";
import { FACTOR_BLOCK, upperFactor } from "./factor.ts";
import { feedbackOf, quantise, quantisedValues } from "./quantise.ts";

interface Case {
  rows: number;
  columns: number;
  texts: number;
  dead: number;
  bits: 4 | 8;
  damping: number;
  seed: number;
  codes: string;
  scales: number[][];
}

const golden = new URL("../../../fixtures/goldens/gptq/quantised.json", import.meta.url);
const CASES = JSON.parse(Deno.readTextFileSync(golden)) as Case[];

/** The maker's generator: products of whole numbers below 2⁶² need BigInt. */
function numbers(seed: number): () => number {
  let state = BigInt(seed);
  return () => {
    state = (state * 1103515245n + 12345n) % (1n << 31n);
    return Number(state) / 2 ** 31 - 0.5;
  };
}

/** Weights `[rows, columns]` and 2/n Σ x xᵀ of a case. */
function made({ rows, columns, texts, dead, seed }: Case) {
  const next = numbers(seed), w = Float32Array.from({ length: rows * columns }, () => 0.2 * next());
  w.fill(0, (rows - 1) * columns);
  const h = new Float64Array(columns * columns), x = new Float64Array(columns);
  for (let t = 0; t < texts; t++) {
    for (let i = 0; i < columns; i++) {
      x[i] = Math.fround(next() * (1 + i % 7) + (i > 0 ? 0.8 * item(x, i - 1) : 0));
    }
    const live = x.map((value, i) => i < dead ? 0 : value);
    for (let i = 0; i < columns; i++) {
      for (let j = 0; j < columns; j++) h[i * columns + j]! += 2 / texts * item(live, i) * item(live, j);
    }
  }
  return { w, h };
}

Deno.test("GPTQ gives the codes and scales of the paper's algorithm, with dead inputs, a row of zeros and a short last group", async () => {
  const products = await DoubleProducts.open(1);
  for (const golden of CASES) {
    const { rows, columns, bits, damping, dead } = golden, { w, h } = made(golden);
    const before = h.slice(), feedback = await feedbackOf(h, columns, { products, name: "w", damping });
    assertEquals(feedback.dead.size, dead);
    const matrix = await quantise({ values: w, outputs: rows, bits }, feedback, { products, name: "w" });
    assertEquals(matrix.codes.toHex(), golden.codes, `${rows} x ${columns} in ${bits} bits`);
    assertEquals([...matrix.scales], golden.scales.flat());
    // what GPTQ is for: less error of the outputs than rounding to the nearest code of the same scales
    const nearest = { ...matrix, codes: nearestCodes(w, matrix) };
    const error = (values: Float32Array) => {
      let sum = 0;
      for (let o = 0; o < rows; o++) {
        const d = Array.from(
          { length: columns },
          (_, i) => item(w, o * columns + i) - item(values, o * columns + i),
        );
        d.forEach((a, i) => d.forEach((b, j) => sum += a * b * item(before, i * columns + j)));
      }
      return sum;
    };
    assert(error(quantisedValues(matrix)) < 0.8 * error(quantisedValues(nearest)), `${rows} x ${columns}`);
  }
  await products.dispose();
});

function nearestCodes(
  w: Float32Array,
  { outputs, inputs, bits, scales }: Parameters<typeof quantisedValues>[0],
) {
  return Uint8Array.from({ length: outputs * inputs }, (_, at) => {
    const scale = item(scales, Math.floor(at % inputs / 128) * outputs + Math.floor(at / inputs));
    return Math.max(0, Math.min(2 ** bits - 1, Math.round(item(w, at) / scale) + 2 ** (bits - 1)));
  });
}

Deno.test("the upper factor times its transpose is the matrix again, over several blocks and a part of one", async () => {
  const products = await DoubleProducts.open(1), n = 2 * FACTOR_BLOCK + 37, next = numbers(3);
  const a = Float64Array.from({ length: n * n }, next), h = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      for (let k = 0; k < n; k++) h[i * n + j]! += item(a, i * n + k) * item(a, j * n + k);
    }
    h[i * n + i]! += 0.1;
  }
  const r = h.slice();
  assertEquals(await upperFactor(r, n, products), true);
  for (const [i, j] of [[0, 0], [0, n - 1], [3, 200], [130, 130], [255, 256], [n - 1, n - 1]] as const) {
    let sum = 0;
    for (let k = Math.max(i, j); k < n; k++) sum += item(r, i * n + k) * item(r, j * n + k);
    assertAlmostEquals(sum, item(h, i * n + j), 1e-11, `${i}, ${j}`);
  }
  h[5 * n + 5] = -1;
  assertEquals(await upperFactor(h, n, products), false);
  await products.dispose();
});

Deno.test("GPTQ refuses inputs that aren't numbers and scales beyond float16, by the matrices' names", async () => {
  const products = await DoubleProducts.open(1);
  await assertRejects(
    () => feedbackOf(Float64Array.of(1, NaN, NaN, NaN), 2, { products, name: "a.q_proj, a.k_proj" }),
    RangeError,
    "Cannot quantise a.q_proj, a.k_proj as its inputs must be finite numbers",
  );
  const feedback = await feedbackOf(Float64Array.of(1, 0, 0, 1), 2, { products, name: "b" });
  await assertRejects(
    () =>
      quantise({ values: Float32Array.of(1e6, 1), outputs: 1, bits: 4 }, feedback, { products, name: "b" }),
    RangeError,
    "Cannot quantise b as the scales of its groups must be float16 numbers: current value is Infinity",
  );
  await products.dispose();
});
