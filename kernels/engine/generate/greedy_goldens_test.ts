/**
 * Greedy answers block after block beside transformers' (fixtures/goldens/tiny, in float64): ids, and their log-probabilities, in which capped logits show. The one
 * program is held to these blocks by program/program_test.ts.
 */
import { assertAlmostEquals, assertEquals } from "@std/assert";

import { entryOf, item } from "../../../formats/elements.ts";
import { readJson, TINY, tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { onnxBackend } from "../../mod.ts";
import { GenerationEngine } from "./blocks/engine.ts";

interface Greedy {
  prompt: number[];
  ids: number[];
  logps: number[];
}

function bestOf(logits: Float32Array): { id: number; logp: number } {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = logits.reduce((total, value) => total + Math.exp(value - most), 0);
  return { id: logits.indexOf(most), logp: -Math.log(sum) };
}

for (const arch of ["gemma", "gemma2", "olmo3", "exaone4", "ernie45", "hunyuan", "glm4"]) {
  Deno.test(`GenerationEngine gives transformers' greedy ids and log-probabilities (${arch})`, async () => {
    const { prompt, ids, logps } = readJson(`${TINY}${arch}/golden.json`).greedy as Greedy;
    const { config, weights } = tinyModel(arch);
    const engine = new GenerationEngine(
      onnxBackend(),
      { config, tuning: { type: "none" } },
      (name) => entryOf(weights, name),
    );
    let logits = await engine.add(prompt);
    for (const [i, id] of ids.entries()) {
      const best = bestOf(logits.subarray(0, config.vocabSize));
      assertEquals(best.id, id, `token ${i}`);
      assertAlmostEquals(best.logp, item(logps, i), 5e-5, `token ${i}`);
      if (i + 1 < ids.length) logits = await engine.step([id]);
    }
    await engine.dispose();
  });
}
