/** NEFTune's noise against transformers' own hook in float64 (fixtures/goldens/tiny/make/make_neftune.py), on every backend. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";

import { f64 } from "../../../formats/elements.ts";
import { backendsAndGpuLike, idsExample, readJson, TINY } from "../../../tests/helpers/tiny_model.ts";
import type { Backend } from "../../backend.ts";
import { onnxBackend } from "../../mod.ts";
import { tinyEngine, type TinyTuning } from "../../../tests/helpers/tiny_engine.ts";
import { assertMeanLoss } from "../../../tests/helpers/mean_loss.ts";
import type { BodyForm } from "./body.ts";
import type { Engine } from "../engine.ts";
import { addNoise, rowLengths } from "./noise.ts";
import { packExamples } from "../packs/pack.ts";

interface Made {
  neftuneAlpha?: number;
  body?: BodyForm;
  change?: (name: string, values: Float32Array<ArrayBuffer>) => void;
}

function noisyEngine(arch: string, tuning: TinyTuning, backend: Backend, made: Made = {}): Engine {
  const { neftuneAlpha = 15, body, change } = made;
  return tinyEngine(arch, tuning, backend, { neftuneAlpha, seed: 5, ...(body && { body }), change });
}

async function assertNoisy(arch: string, tuning: TinyTuning, backend: Backend) {
  const { alpha, seed, step, [tuning]: expected } = readJson(`${TINY}${arch}/neftune.json`);
  assertEquals([alpha, seed, step], [15, 5, 3]);
  await assertMeanLoss(noisyEngine(arch, tuning, backend), arch, expected, { dropoutStep: step });
}

for (const { name, ignore, make } of await backendsAndGpuLike()) {
  // granite multiplies noisy embeddings, and Gemma's families add noise to multiplied ones
  for (const arch of ["llama", "qwen2", "granite", "gemma", "gemma2", "gemma3"]) {
    for (const tuning of ["full", "lora"] as const) {
      Deno.test({
        name: `Engine: losses and gradients with NEFTune are transformers' (${arch}, ${tuning}, ${name})`,
        ignore,
        fn: async () => await assertNoisy(arch, tuning, await make()),
      });
    }
  }
}

const PAIR = packExamples([
  idsExample({ a: [[3, 9, 27], [81, 11, 33]], b: [[3, 9, 27], [5, 2]] }),
  idsExample({ s: [[4], [7]] }),
]);

Deno.test("rowLengths() counts tokens of a row's own sequence, of shared rows those of the longest", () => {
  // 3 9 27 shared by 6 and 5 tokens; 81 11 of a (33 is predicted only), 5 of b; 4 of the other example
  assertEquals([...PAIR.ids], [3, 9, 27, 81, 11, 5, 4]);
  assertEquals([...rowLengths(PAIR)], [6, 6, 6, 6, 6, 5, 2]);
});

Deno.test("addNoise() draws uniformly in ±α/√(L·D), other numbers for another step or seed", () => {
  const width = 64, rows = 512, alpha = 5, count = rows * width;
  const lengths = Int32Array.from({ length: rows }, (_, row) => row < rows / 2 ? 100 : 25);
  const drawn = (seed: number, step: number) => {
    const x = new Float32Array(count).fill(1);
    addNoise(x, { lengths, width, alpha, seed, step });
    // in units of its limit: α/√(100 · 64) = 1/16, α/√(25 · 64) = 1/8
    return Float64Array.from(x, (value, i) => (value - 1) * (i < count / 2 ? 16 : 8));
  };
  const first = drawn(1, 7),
    moment = (power: number) => first.reduce((sum, v) => sum + v ** power, 0) / count;
  const apart = (other: Float64Array) => other.reduce((sum, v, i) => sum + v * f64(first, i), 0) / count;
  // float32 beside 1 has steps of 2⁻²³
  assert(first.every((v) => Math.abs(v) <= 1 + 1e-5));
  assert(Math.max(...first) > 0.999 && Math.min(...first) < -0.999);
  // Moments of U(−1, 1) are 0, 1/3, 0, 1/5; of n numbers they err by √(variance / n), and five times that is allowed.
  const five = 5 / Math.sqrt(count);
  assertAlmostEquals(moment(1), 0, five * Math.sqrt(1 / 3));
  assertAlmostEquals(moment(2), 1 / 3, five * Math.sqrt(1 / 5 - 1 / 9));
  assertAlmostEquals(moment(3), 0, five * Math.sqrt(1 / 7));
  assertAlmostEquals(moment(4), 1 / 5, five * Math.sqrt(1 / 9 - 1 / 25));
  assertEquals(drawn(1, 7), first);
  for (
    const other of [
      drawn(1, 8),
      drawn(2, 7),
      Float64Array.from(first, (_, i) => f64(first, (i + 1) % count)),
    ]
  ) {
    assertAlmostEquals(apart(other), 0, five / 3);
  }
});

for (const body of ["blocks", "stack"] as const) {
  for (const tuning of ["lora", "full"] as const) {
    Deno.test(`Engine: noise is a training pass's alone, and the same for the same number (${tuning}, ${body})`, async () => {
      const backend = () => onnxBackend({ threads: 1 });
      const engine = noisyEngine("qwen2", tuning, backend(), { body });
      const plain = noisyEngine("qwen2", tuning, backend(), { body, neftuneAlpha: 0 });
      const pass = { adapter: true, keep: false };
      const [a, b, c] = [
        await engine.forward(PAIR, { ...pass, dropoutStep: 7 }),
        await engine.forward(PAIR, { ...pass, dropoutStep: 7 }),
        await engine.forward(PAIR, { ...pass, dropoutStep: 8 }),
      ];
      assertEquals(a, b);
      assert(a.every((value, l) => Math.abs(value - f64(c, l)) > 1e-5));
      // Evaluations have no number, and references none of the adapter's draws.
      assertEquals(await engine.forward(PAIR, pass), await plain.forward(PAIR, pass));
      const reference = { ...pass, adapter: false };
      assertEquals(
        await engine.forward(PAIR, { ...reference, dropoutStep: 7 }),
        await plain.forward(PAIR, reference),
      );
      await engine.dispose();
      await plain.dispose();
    });
  }
}

for (const body of ["blocks", "stack"] as const) {
  Deno.test(`Engine: with noise on a shared prompt gradients equal central differences (${body})`, async () => {
    const step = 2e-2, options = { adapter: true, keep: true, dropoutStep: 3 };
    const name = "model.embed_tokens.weight", place = 9 * 32 + 4;
    const engine = noisyEngine("qwen2", "full", onnxBackend({ threads: 1 }), { body });
    await engine.backward((await engine.forward(PAIR, options)).map(() => 1));
    const at = [...engine.parameters.trained.keys()].indexOf(name);
    const gradient = (await engine.parameters.gradients())[at]![place]!;
    await engine.dispose();
    const shifted = async (by: number) => {
      const change = (changed: string, values: Float32Array) => {
        if (changed === name) values[place]! += by;
      };
      const other = noisyEngine("qwen2", "full", onnxBackend({ threads: 1 }), { body, change });
      const sum = (await other.forward(PAIR, { ...options, keep: false })).reduce((a, b) => a + b, 0);
      await other.dispose();
      return sum;
    };
    const numeric = (await shifted(step) - await shifted(-step)) / (2 * step);
    assert(Math.abs(numeric) > 1e-2);
    assertAlmostEquals(gradient, numeric, 2e-2 * Math.abs(numeric) + 1e-3);
  });
}
