/** Operators of kernels/native beside the definitions, where shapes and values are unlike the contract's samples. */
import { assert, assertEquals } from "@std/assert";
import { nativeLibrary, vectorBits } from "../../native/mod.ts";
import { runOnce, worst } from "../../contract.ts";
import { type Graph, GraphBuilder } from "../../graph.ts";
import type { Attributes, Axes, Kernel } from "../../kernel.ts";
import { attention } from "../../ops/attention/attention.ts";
import { attentionGrad } from "../../ops/attention/attention_grad.ts";
import { layOut } from "../../ops/attention/attention_samples.ts";
import { labelLogprob, labelLogprobUnit } from "../../ops/head/label_logprob.ts";
import { loraLinear, loraMatmulAdd } from "../../ops/products/lora_products.ts";
import { matmulTnAdd } from "../../ops/products/product_sums.ts";
import { linear, matmul, matmulTn } from "../../ops/products/products.ts";
import { scattered } from "../../testing/scattered.ts";
import { rmsNorm } from "../../ops/norms/rms_norm.ts";
import { rmsNormGrad } from "../../ops/norms/rms_norm_grad.ts";
import { rotary } from "../../ops/attention/rotary.ts";
import { geglu } from "../../ops/activations/geglu.ts";
import { gegluGrad } from "../../ops/activations/geglu_grad.ts";
import { swiglu } from "../../ops/activations/swiglu.ts";
import { swigluGrad } from "../../ops/activations/swiglu_grad.ts";
import { openLibrary } from "./c_api/mod.ts";
import { onnxBackend } from "./mod.ts";
import { referenceBackend } from "../reference/mod.ts";

const reason = openLibrary().reason ?? nativeLibrary().reason;
const test = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name: `${name}${reason === null ? "" : `: ${reason}`}`, ignore: reason !== null, fn });

type Given = Record<string, Float64Array>;

function graphOf(kernel: Kernel, sizes: Readonly<Record<string, number>>, attrs: Attributes): Graph {
  const g = new GraphBuilder();
  const inputs = Object.fromEntries(
    Object.entries(kernel.inputs as Axes).map(([name, axes]) => {
      const shape = axes.map((axis) => axis === "rows" || axis === "queries" ? axis : sizes[axis]!);
      return [name, g.input(name, shape, kernel.integers?.includes(name) ? "i32" : "f32")];
    }),
  );
  return g.finish(g.run(kernel, inputs, attrs));
}

function given(kernel: Kernel, sizes: Readonly<Record<string, number>>, more: Given = {}): Given {
  return {
    ...Object.fromEntries(
      Object.entries(kernel.inputs as Axes).filter(([name]) => !more[name]).map(([name, axes], i) => [
        name,
        scattered(axes.reduce((count, axis) => count * sizes[axis]!, 1), i),
      ]),
    ),
    ...more,
  };
}

interface Case {
  kernel: Kernel;
  sizes: Readonly<Record<string, number>>;
  attrs: Attributes;
  more?: Given;
}

function caseOf(kernel: unknown, sizes: Case["sizes"], attrs: Attributes = {}, more?: Given): Case {
  return { kernel: kernel as Kernel, sizes, attrs, ...(more && { more }) };
}

/**
 * Attention of some examples, by default of two, one of which is a tree.
 * @param more size: of the largest queries, and so of scores; cap: of scores
 */
function attentionCase(
  kernel: unknown,
  window: number | null,
  d: number,
  { size = 1, cap, trees = [[40, [70, [20], [9]], [61]], [33]] }: {
    size?: number;
    cap?: number;
    trees?: Parameters<typeof layOut>[0];
  } = {},
): Case {
  const { until, positions } = layOut(trees), rows = until.length;
  const q = scattered(rows * 6 * d, 40).map((v) => Math.fround(size * v));
  const more = { q, until: Float64Array.from(until), positions: Float64Array.from(positions) };
  const attrs = { heads: 6, kv_heads: 2, scale: 1 / Math.sqrt(d), window, ...(cap && { cap }) };
  return caseOf(kernel, { rows, queries: rows, qcols: 6 * d, kvcols: 2 * d }, attrs, more);
}

/** Labels of ids spread over the vocabulary, the first and the last one among them. */
function labelCase(
  kernel: unknown,
  [labels, cols, vocab]: readonly [number, number, number],
  attrs: Attributes = {},
): Case {
  const ids = Float64Array.from({ length: labels }, (_, i) => (vocab - 1 + i * 7919) % vocab);
  ids[labels - 1] = 0;
  return caseOf(kernel, { labels, cols, vocab }, attrs, { ids });
}

/** Gates whose sigmoids are 7e-3 to 2e-35, times what makes them about 1. */
const gates = Float64Array.from({ length: 17 }, (_, i) => -5 * (i + 1) + 5 * (i >> 4));
const small: Given = { gate: gates, up: gates.map((v) => Math.fround(Math.exp(-v))) };

const large: Case[] = [
  attentionCase(attention, null, 64),
  attentionCase(attentionGrad, null, 64),
  attentionCase(attention, 30, 20),
  attentionCase(attentionGrad, 30, 20),
  caseOf(loraLinear, { rows: 131, in: 650, out: 331, rank: 12 }, { alpha: 2 }),
  caseOf(loraMatmulAdd, { rows: 131, in: 650, out: 331, rank: 12 }, { alpha: 2 }),
  caseOf(matmulTn, { rows: 131, left: 8, right: 410 }),
  caseOf(matmulTn, { rows: 131, left: 410, right: 13 }, { alpha: -2 }),
  // Rows whose halves are threads' own, an odd number of groups of 6.
  caseOf(loraLinear, { rows: 673, in: 330, out: 70, rank: 9 }, { alpha: 2 }),
  caseOf(matmul, { rows: 673, in: 330, out: 70 }),
  // Columns beside those of a task and of a vector, rows fewer than are added at once.
  caseOf(matmulTn, { rows: 19, left: 2_067, right: 9 }),
  caseOf(matmulTn, { rows: 7, left: 17, right: 33 }),
  caseOf(matmulTnAdd, { rows: 70, left: 8, right: 100 }, { alpha: 0.5 }),
  caseOf(rmsNorm, { rows: 131, cols: 577, group: 577 }, { eps: 1e-5 }),
  caseOf(rmsNormGrad, { rows: 131, cols: 577, group: 577 }, { eps: 1e-5 }),
  // A last column alone in the second of two vectors; eps large enough to be seen.
  caseOf(rmsNorm, { rows: 131, cols: 25, group: 25 }, { eps: 0.1 }),
  caseOf(rmsNormGrad, { rows: 131, cols: 25, group: 25 }, { eps: 0.1 }),
  caseOf(swiglu, { rows: 131, cols: 577 }),
  caseOf(swiglu, { rows: 1, cols: 17 }, {}, small),
  caseOf(rotary, { rows: 131, cols: 132, half: 11 }, { heads: 6 }),
  caseOf(rotary, { rows: 131, cols: 192, half: 32 }, { heads: 3, inverse: true }),
  caseOf(swigluGrad, { rows: 131, cols: 577 }),
  caseOf(geglu, { rows: 131, cols: 577 }),
  caseOf(gegluGrad, { rows: 131, cols: 577 }),
  // More chunks of the vocabulary than shares of it.
  labelCase(labelLogprob, [21, 43, 5_003]),
  labelCase(labelLogprobUnit, [21, 43, 5_003]),
  // Scores and logits of which some are near their cap.
  attentionCase(attention, 30, 20, { size: 20, cap: 3 }),
  attentionCase(attentionGrad, 30, 20, { size: 20, cap: 3 }),
  labelCase(labelLogprob, [21, 43, 5_003], { cap: 2 }),
  labelCase(labelLogprobUnit, [21, 43, 5_003], { cap: 2 }),
];

/** Rows and depths beside those of tiles, blocks and parts of a depth; 1 to 6 rows have a way of their own. */
const sizes: Case[] = [linear, matmul].flatMap((kernel) =>
  [
    [1, 1, 1],
    [1, 321, 65],
    [2, 9, 40],
    [3, 6, 16],
    [4, 322, 33],
    [5, 640, 17],
    [6, 7, 129],
    [7, 1, 16],
    [13, 321, 15],
    [12, 320, 64],
    [290, 3, 31],
    [18, 970, 80],
  ]
    .map(([rows, depth, out]) => caseOf(kernel, { rows: rows!, in: depth!, out: out! }, { alpha: 0.5 }))
);
const few: Case[] = [1, 6].map((rows) =>
  caseOf(loraLinear, { rows, in: 70, out: 33, rank: 9 }, { alpha: 2 })
);

/** Columns of heads that are a vector of 16, and as four, two and one of these beside each other. */
const heads: Case[] = [10, 100].flatMap((
  d,
) => [attentionCase(attention, null, d), attentionCase(attentionGrad, null, d)]);

/** Branches that end, and a window that does, among the last rows, fewer than a vector's. */
const endings: Parameters<typeof layOut>[0][] = [[[5, [2], [1], [3], [1]]], [[12]]];
const ends: Case[] = endings.flatMap((trees) =>
  [attention, attentionGrad].map((kernel) => attentionCase(kernel, 2, 16, { trees }))
);

/** Scores of which many are below every float's exponential beside the largest one. */
const apart = attentionCase(attention, null, 20, { size: 300 });
/** The same; and where a unit of the last place of scores is many powers of e. */
const farApart: Case[] = [300, 1e9].flatMap((size) =>
  [attention, attentionGrad].map((kernel) => attentionCase(kernel, 30, 100, { size }))
);

/** Labels beside groups of 6, columns beside panels of 16 and parts of 320, a vocabulary beside chunks of 256. */
const labels: Case[] = [
  [1, 1, 1],
  [1, 321, 65],
  [5, 16, 255],
  [6, 17, 256],
  [7, 650, 257],
  [150, 3, 31],
  [13, 320, 769],
].flatMap(([count, cols, vocab]) =>
  [labelLogprob, labelLogprobUnit].map((kernel) => labelCase(kernel, [count!, cols!, vocab!]))
);

type Outputs = Awaited<ReturnType<typeof runOnce>>;

/** Without a picture of both: that of long arrays takes minutes. */
function assertSameBits(actual: Outputs, expected: Outputs, of: string): void {
  for (const [name, values] of Object.entries(expected)) {
    const at = values.findIndex((v, i) => !Object.is(v, actual[name]![i]));
    assertEquals(actual[name]!.length, values.length, `${of}: ${name}`);
    assert(at < 0, `${of}: ${name}[${at}] is ${actual[name]![at]} in place of ${values[at]}`);
  }
}

const nameOf = ({ kernel, sizes }: Case) => `${kernel.name} ${JSON.stringify(sizes)}`;

test("operators of our own equal their definitions at sizes beside their tiles", async () => {
  const backend = onnxBackend({ threads: 2 });
  for (const it of [...large, ...sizes, ...few, ...heads, ...ends, apart, ...labels]) {
    const graph = graphOf(it.kernel, it.sizes, it.attrs), values = given(it.kernel, it.sizes, it.more);
    const expected = await runOnce(referenceBackend(), graph, values, { sizes: { ...it.sizes } });
    const actual = await runOnce(backend, graph, values, { sizes: { ...it.sizes } });
    for (const [name, value] of Object.entries(expected)) {
      // Sums of up to 970 products below 1, and of LoRA's 12 below 50.
      const { ratio } = worst(actual[name]!, value, { atol: 1e-4, rtol: 1e-5 });
      assert(ratio <= 1, `${nameOf(it)}: ${name} is off by ${ratio} times what is allowed`);
    }
  }
  await backend.dispose();
});

const narrow = reason === null && vectorBits() < 512;
Deno.test({
  name: `operators of our own give the same bits by AVX2 and by AVX-512${
    reason ? `: ${reason}` : narrow ? ": this processor has no AVX-512" : ""
  }`,
  ignore: reason !== null || narrow,
  async fn() {
    const backend = onnxBackend({ threads: 2 });
    for (const it of [...large, ...sizes, ...few, ...heads, ...ends, apart, ...farApart, ...labels]) {
      const graph = graphOf(it.kernel, it.sizes, it.attrs), values = given(it.kernel, it.sizes, it.more);
      const results = [];
      for (const bits of [256, 512] as const) {
        assertEquals(vectorBits(bits), bits);
        results.push(await runOnce(backend, graph, values, { sizes: { ...it.sizes } }));
      }
      assertSameBits(results[1]!, results[0]!, nameOf(it));
    }
    await backend.dispose();
  },
});

test("logits far apart, and below every float's exponential, give the definition's log-probabilities", async () => {
  const backend = onnxBackend({ threads: 2 }), vocab = 1_000;
  const it = labelCase(labelLogprobUnit, [8, 2, vocab]);
  // One logit a token, h[0] · w[v, 0] + h[1] / 10: rising to 900, falling from it, the largest in the middle, and all of them near -200, whose
  // own exponentials are 0.
  const w = Float64Array.from({ length: 2 * vocab }, (_, i) => i % 2 ? 0.1 : ((i >> 1) - 99) / 100);
  const h = Float64Array.from([100, 1, -100, 1, 50, 0, 0.1, 2, 0, 1, 25, -3, -12.5, 5, 1, -2_000]);
  const values = given(it.kernel, it.sizes, { ...it.more, h, w });
  const graph = graphOf(it.kernel, it.sizes, it.attrs);
  const expected = await runOnce(referenceBackend(), graph, values, { sizes: { ...it.sizes } });
  const actual = await runOnce(backend, graph, values, { sizes: { ...it.sizes } });
  for (const name of ["logp", "dh"]) {
    const { ratio } = worst(actual[name]!, expected[name]!, { atol: 2e-5, rtol: 1e-5 });
    assert(ratio <= 1, `${name} is off by ${ratio} times what is allowed: ${actual[name]}`);
  }
  assert(expected.logp!.some((logp) => logp < -500), `${expected.logp}`);
  await backend.dispose();
});

test("operators of our own give the same bits in 1, 2 and 5 threads, and again", async () => {
  for (const it of large) {
    const graph = graphOf(it.kernel, it.sizes, it.attrs), values = given(it.kernel, it.sizes, it.more);
    const results = [];
    for (const threads of [1, 2, 5, 5]) {
      const backend = onnxBackend({ threads });
      results.push(await runOnce(backend, graph, values, { sizes: { ...it.sizes } }));
      await backend.dispose();
    }
    for (const result of results) assertSameBits(result, results[0]!, nameOf(it));
  }
});

test("what isn't a number or is infinite comes out of operators of our own where it should, and nowhere else", async () => {
  const backend = onnxBackend({ threads: 2 });
  const spoilt = async (it: Case, name: string, at: number, value: number) => {
    const values = given(it.kernel, it.sizes, it.more);
    values[name] = values[name]!.with(at, value);
    return await runOnce(backend, graphOf(it.kernel, it.sizes, it.attrs), values, { sizes: { ...it.sizes } });
  };
  for (const value of [NaN, Infinity, -Infinity]) {
    const product = caseOf(loraLinear, { rows: 20, in: 35, out: 33, rank: 9 }, { alpha: 2 });
    const { y, h } = await spoilt(product, "x", 35 * 9 + 4, value);
    y!.forEach((v, i) => assertEquals(Number.isFinite(v), Math.floor(i / 33) !== 9, `${value}: y[${i}]`));
    h!.forEach((v, i) => assertEquals(Number.isFinite(v), Math.floor(i / 9) !== 9, `${value}: h[${i}]`));
    const { y: turned } = await spoilt(
      caseOf(matmulTn, { rows: 70, left: 9, right: 40 }),
      "a",
      9 * 33 + 2,
      value,
    );
    turned!.forEach((v, i) =>
      assertEquals(Number.isFinite(v), Math.floor(i / 40) !== 2, `${value}: turned[${i}]`)
    );
    const { y: normed } = await spoilt(
      caseOf(rmsNorm, { rows: 9, cols: 20, group: 20 }, { eps: 1e-5 }),
      "x",
      45,
      value,
    );
    assert(
      !Number.isFinite(normed![45]!) &&
        normed!.every((v, i) => Math.floor(i / 20) === 2 || Number.isFinite(v)),
    );
    for (const kernel of [swigluGrad, gegluGrad]) {
      const { dgate } = await spoilt(caseOf(kernel, { rows: 3, cols: 5 }), "dy", 7, value);
      dgate!.forEach((v, i) =>
        assertEquals(Number.isFinite(v), i !== 7, `${value}: ${kernel.name} dgate[${i}]`)
      );
    }
    // Row 37 of v, of the first key head: rows that see it lose that column in the heads that share those keys. A group of 6
    // rows of which one sees a key of its 16 takes it 0 times, and no other group takes it at all.
    const it = attentionCase(attention, null, 16), { o } = await spoilt(it, "v", 37 * 32 + 5, value);
    const end = it.more!.until![37]!, seesTile = (row: number) => row >= 32 && row < end;
    const sees = (row: number) => row >= 37 && row < end;
    o!.forEach((v, i) => {
      const row = Math.floor(i / 96), group = row - row % 48 + Math.floor(row % 48 / 6) * 6;
      const column = i % 96 < 48 && i % 16 === 5, near = [0, 1, 2, 3, 4, 5].some((j) => seesTile(group + j));
      if (column && near && !sees(row)) return;
      assertEquals(Number.isFinite(v), !(column && sees(row)), `${value}: o[${i}]`);
    });
    // Of q or k: what sees it is lost, whole rows of a head. Infinite scores may be weights of 0.
    if (Number.isNaN(value)) {
      const { o: ofK } = await spoilt(it, "k", 37 * 32 + 5, value);
      ofK!.forEach((v, i) => {
        assertEquals(Number.isNaN(v), i % 96 < 48 && sees(Math.floor(i / 96)), `k: o[${i}]`);
      });
      const { o: ofQ } = await spoilt(it, "q", 37 * 96 + 16, value);
      ofQ!.forEach((v, i) => assertEquals(Number.isNaN(v), Math.floor(i / 16) === 37 * 6 + 1, `q: o[${i}]`));
      // A cap is no place for it to end, though tanh of the largest numbers is 1.
      const { o: capped } = await spoilt(
        attentionCase(attention, null, 16, { cap: 3 }),
        "q",
        37 * 96 + 16,
        value,
      );
      capped!.forEach((v, i) =>
        assertEquals(Number.isNaN(v), Math.floor(i / 16) === 37 * 6 + 1, `capped: o[${i}]`)
      );
      const labels = await spoilt(
        labelCase(labelLogprobUnit, [20, 35, 600], { cap: 3 }),
        "h",
        35 * 9 + 4,
        value,
      );
      labels.logp!.forEach((v, i) => assertEquals(Number.isNaN(v), i === 9, `capped: logp[${i}]`));
      labels.dh!.forEach((v, i) =>
        assertEquals(Number.isNaN(v), Math.floor(i / 35) === 9, `capped: dh[${i}]`)
      );
    }
    const head = labelCase(labelLogprobUnit, [20, 35, 600]);
    const { logp, dh } = await spoilt(head, "h", 35 * 9 + 4, value);
    logp!.forEach((v, i) => assertEquals(Number.isFinite(v), i !== 9, `${value}: logp[${i}]`));
    dh!.forEach((v, i) => assertEquals(Number.isFinite(v), Math.floor(i / 35) !== 9, `${value}: dh[${i}]`));
    // A row of w is part of every label's softmax.
    const { logp: all } = await spoilt(head, "w", 35 * 300 + 4, NaN);
    assert(all!.every(Number.isNaN), `${all}`);
    const { dq } = await spoilt(attentionCase(attentionGrad, null, 16), "do", 37 * 96, value);
    dq!.forEach((v, i) =>
      assertEquals(Number.isFinite(v), Math.floor(i / 16) !== 37 * 6, `${value}: dq[${i}]`)
    );
    // Row 0 sees its own key alone; the other 15 of the tile are taken 0 times. The last group of 6 isn't full.
    const { dk, dv } = await spoilt(attentionCase(attentionGrad, null, 16), "o", 0, value);
    assert(dv!.every(Number.isFinite) && !dk!.slice(0, 16).some(Number.isFinite));
    dk!.forEach((v, i) => assert(Number.isFinite(v) || i < 16 * 32 && i % 32 < 16, `${value}: dk[${i}]`));
  }
  await backend.dispose();
});
