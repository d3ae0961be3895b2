/** The last block computes what stands behind attention for rows that have a label; that numbers stay is in dropout_test.ts and padding_test.ts. */
import { assertEquals } from "@std/assert";
import { idsExample, tinyAdapter, tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { watchedRuns } from "../../../tests/helpers/watched_runs.ts";
import type { Backend } from "../../backend.ts";
import { Engine } from "../engine.ts";
import { packExamples } from "../packs/pack.ts";

/** A row of 7 tokens, of which the third has two labels and the last three one each. */
const PACK = packExamples([idsExample({ a: [[3, 9, 27], [81, 11, 33]], b: [[3, 9, 27], [5, 2, 8]] })]);

/** Sizes of all blocks' outputs in a pass, kept or not. */
async function rowsOfBlocks(change: Partial<Backend>, keep: boolean, checkpointing: boolean) {
  const { config, weights } = tinyModel("llama"), found: (number | undefined)[] = [];
  const { modules, initial } = tinyAdapter("llama", config);
  const backend = watchedRuns(change, ({ y }) => {
    if (y) found.push(y.shape[0]);
  });
  const options = { config, tuning: { type: "lora", modules, dropout: 0 } as const, checkpointing };
  const engine = new Engine(backend, options, (name) => weights[name]!, initial);
  await engine.forward(PACK, { adapter: keep, keep });
  await engine.dispose();
  return { found, layers: config.numLayers };
}

Deno.test("the last block gives the rows that have a label, each once, in all passes", async () => {
  const rows = PACK.ids.length, wanted = new Set(PACK.labelRows).size;
  assertEquals([rows, wanted, PACK.labelRows.length], [7, 5, 6]);
  for (const [keep, checkpointing] of [[false, false], [true, false], [true, true]] as const) {
    const { found, layers } = await rowsOfBlocks({}, keep, checkpointing);
    assertEquals(found, [...Array(layers - 1).fill(rows), wanted]);
  }
});

Deno.test("where each length costs plans, the last block gives all rows, filled up", async () => {
  const { found, layers } = await rowsOfBlocks({ fewSizes: true }, true, false);
  assertEquals(found, Array(layers).fill(32));
});
