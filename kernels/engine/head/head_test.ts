import { assert, assertEquals } from "@std/assert";

import { idsExample, tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { watchedRuns } from "../../../tests/helpers/watched_runs.ts";
import type { Backend } from "../../backend.ts";
import { Engine } from "../engine.ts";
import type { Tuning } from "../weights/tuning.ts";
import { evenChunk, labelChunkOn } from "./head.ts";
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

/** Which labels a head is run for. */
interface Runs {
  labelChunk?: number;
  labels?: number;
  change?: Partial<Backend>;
  best?: boolean;
  /** Whether everything is trained, the head too. */
  trained?: boolean;
}

/** Labels of each run of the head for a pack of one answer of so many. */
async function runsOfHead({ labelChunk, labels = 6, change = {}, best = false, trained = false }: Runs) {
  const { config, weights } = tinyModel("llama"), runs: (number | undefined)[] = [];
  const backend = watchedRuns(change, ({ logp }) => {
    if (logp) runs.push(logp.shape[0]);
  });
  const tuning: Tuning = trained ? { type: "full" } : { type: "lora", modules: {}, dropout: 0 };
  const options = { config, tuning, checkpointing: false, ...(labelChunk && { labelChunk }) };
  const engine = new Engine(backend, options, (name) => weights[name]!, {});
  const answer = Array.from({ length: labels }, (_, i) => 1 + 7 * i % 90);
  await engine.forward(packExamples([idsExample({ a: [[3, 9, 27], answer] })]), {
    adapter: true,
    keep: false,
    best,
  });
  await engine.dispose();
  return runs;
}

Deno.test("the head's runs are of one size where lengths cost nothing, else of the chunk's", async () => {
  assertEquals(await runsOfHead({ labelChunk: 4 }), [3, 3]);
  assertEquals(await runsOfHead({ labelChunk: 5 }), [6]);
  assertEquals(await runsOfHead({ labelChunk: 4, change: { fewSizes: true } }), [4, 2]);
});

Deno.test("the head's chunks are larger where its operator keeps no logits, but for programs that do", async () => {
  const own = { keepsNoLogits: true };
  // A vocabulary as SmolLM2's, Qwen2's: 128 and 41 labels' logits are 25 MB.
  assertEquals([49_152, 151_936].map((vocab) => labelChunkOn({}, vocab)), [128, 41]);
  assertEquals([49_152, 151_936].map((vocab) => labelChunkOn(own, vocab)), [256, 256]);
  assertEquals([49_152, 151_936].map((vocab) => labelChunkOn(own, vocab, { onHost: true })), [128, 41]);
  assertEquals(labelChunkOn({ fewSizes: true }, 49_152, { anywhere: true }), 128);
  assertEquals(labelChunkOn({ fewSizes: true, ...own }, 49_152), labelChunkOn({ fewSizes: true }, 49_152));
  // So few tokens would give all labels in one chunk.
  assertEquals(await runsOfHead({ labels: 330 }), [330]);
  assertEquals(await runsOfHead({ labels: 330, change: own }), [168, 162]);
  assertEquals(await runsOfHead({ labels: 330, change: own, best: true }), [330]);
  assertEquals(await runsOfHead({ labels: 330, change: own, trained: true }), [330]);
});
