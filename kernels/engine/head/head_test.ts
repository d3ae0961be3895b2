import { assert, assertEquals } from "@std/assert";

import { idsExample, tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { watchedRuns } from "../../../tests/helpers/watched_runs.ts";
import type { Backend } from "../../backend.ts";
import { Engine } from "../engine.ts";
import { evenChunk } from "./head.ts";
import { packExamples } from "../packs/pack.ts";

Deno.test("evenChunk() makes few chunks of one size, one or two of them up to a quarter larger than asked for", () => {
  const sizes = [0, 1, 127, 128, 144, 160, 161, 298, 321, 592, 998].map((labels) => evenChunk(labels, 128));
  assertEquals(sizes, [0, 1, 127, 128, 144, 160, 84, 150, 108, 120, 126]);
  assertEquals([1, 2, 5, 6, 11].map((labels) => evenChunk(labels, 4)), [1, 2, 5, 3, 4]);
  for (const chunk of [1, 3, 16, 128]) {
    for (let labels = 1; labels < 700; labels++) {
      const size = evenChunk(labels, chunk), chunks = Math.ceil(labels / size);
      assert(
        size <= (chunks <= 2 ? Math.max(1, 1.25 * chunk) : chunk),
        `${labels} labels in chunks of ${chunk}: ${size}`,
      );
      assert(chunks <= Math.ceil(labels / chunk), `${labels} labels in chunks of ${chunk}: ${chunks} chunks`);
      const tiles = (chunks - 1) * Math.ceil(size / 6) + Math.ceil((labels - (chunks - 1) * size) / 6);
      assert(
        chunk !== 128 || size > 126 || tiles === Math.ceil(labels / 6),
        `${labels} labels in chunks of ${size}: ${tiles} tiles of six rows`,
      );
    }
  }
});

/** Labels of each run of the head for a pack of six, in chunks of `labelChunk`. */
async function runsOfHead(labelChunk: number, change: Partial<Backend> = {}) {
  const { config, weights } = tinyModel("llama"), runs: (number | undefined)[] = [];
  const backend = watchedRuns(change, ({ logp }) => {
    if (logp) runs.push(logp.shape[0]);
  });
  const tuning = { type: "lora", modules: {}, dropout: 0 } as const;
  const options = { config, tuning, checkpointing: false, labelChunk };
  const engine = new Engine(backend, options, (name) => weights[name]!, {});
  await engine.forward(packExamples([idsExample({ a: [[3, 9, 27], [81, 11, 33, 2, 7, 1]] })]), {
    adapter: true,
    keep: false,
  });
  await engine.dispose();
  return runs;
}

Deno.test("the head's runs are of one size where lengths cost nothing, else of the chunk's", async () => {
  assertEquals(await runsOfHead(4), [3, 3]);
  assertEquals(await runsOfHead(5), [6]);
  assertEquals(await runsOfHead(4, { fewSizes: true }), [4, 2]);
});
