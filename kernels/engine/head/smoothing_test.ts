/** Smoothed labels against transformers' LabelSmoother in float64 (fixtures/goldens/tiny/make/make_smoothing.py), on every backend. */
import { assert, assertEquals } from "@std/assert";

import { f64 } from "../../../formats/elements.ts";
import {
  backendsAndGpuLike,
  idsExample,
  readJson,
  TINY,
  tinyModel,
} from "../../../tests/helpers/tiny_model.ts";
import { tinyEngine, type TinyTuning } from "../../../tests/helpers/tiny_engine.ts";
import type { Backend } from "../../backend.ts";
import { assertMeanLoss } from "../../../tests/helpers/mean_loss.ts";
import { packExamples } from "../packs/pack.ts";

async function assertSmoothed(arch: string, tuning: TinyTuning, backend: Backend) {
  const { epsilon, [tuning]: expected } = readJson(`${TINY}${arch}/smoothing.json`);
  await assertMeanLoss(tinyEngine(arch, tuning, backend, { labelSmoothing: epsilon }), arch, expected);
}

for (const { name, ignore, make } of await backendsAndGpuLike()) {
  for (const arch of ["llama", "qwen2"]) {
    for (const tuning of ["full", "lora"] as const) {
      Deno.test({
        name: `Engine: smoothed losses and their gradients are transformers' (${arch}, ${tuning}, ${name})`,
        ignore,
        fn: async () => await assertSmoothed(arch, tuning, await make()),
      });
    }
  }
}

for (const { name, ignore, make } of await backendsAndGpuLike()) {
  for (const labelSmoothing of [0, 0.2]) {
    Deno.test({
      name:
        `Engine: of all tokens behind a prompt one is marked, the likeliest (smoothing ${labelSmoothing}, ${name})`,
      ignore,
      fn: async () => {
        const { config: { vocabSize } } = tinyModel("llama");
        const engine = tinyEngine("llama", "lora", await make(), { labelSmoothing });
        const plain = tinyEngine("llama", "lora", await make(), { labelSmoothing: 0 });
        const every = Array.from({ length: vocabSize }, (_, id) => [`${id}`, [[3, 9, 27], [id]]]);
        const pack = packExamples([idsExample(Object.fromEntries(every))]);
        const found = await engine.forward(pack, { adapter: true, keep: false, best: true });
        const logps = await plain.forward(pack, { adapter: true, keep: false });
        assertEquals(found.length, 2 * vocabSize);
        const likeliest = logps.reduce((best, value, l) => value > f64(logps, best) ? l : best, 0);
        assertEquals([...found.subarray(vocabSize)], every.map((_, l) => l === likeliest ? 1 : 0));
        await engine.dispose();
        await plain.dispose();
      },
    });
  }
}

Deno.test("the mean row of a frozen vocabulary is made once, and smoothing changes log-probabilities", async () => {
  const { make } = (await backendsAndGpuLike())[0]!;
  const pack = packExamples([idsExample({ s: [[3], [9, 27, 81]] })]), both: Float64Array[] = [];
  for (const smoothing of [0, 0.2]) {
    const engine = tinyEngine("llama", "lora", await make(), { labelSmoothing: smoothing });
    const first = await engine.forward(pack, { adapter: true, keep: false });
    assertEquals(await engine.forward(pack, { adapter: true, keep: false }), first);
    both.push(first);
    await engine.dispose();
  }
  assert(both[0]!.every((value, l) => Math.abs(value - f64(both[1]!, l)) > 1e-3));
});
