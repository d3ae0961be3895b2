import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import { readCache } from "./cache.ts";
import { damagesOf } from "../../../tests/helpers/damages.ts";
import { loadExamples } from "./load.ts";
import { contentOf, infoOf, numberedRows, writtenInputs } from "../../../tests/helpers/written_sets.ts";

Deno.test("the cache gives the same data, is rebuilt when damaged or when anything changes", async () => {
  const big = numberedRows(4000).map((r) => ({ ...r, input: "some words to make the file large enough" }));
  const given = writtenInputs({ "dataset_info.json": infoOf(), "d.json": big }, { val_size: 100 });
  const folder = given.options.data_cache_dir!;
  const first = contentOf(await loadExamples(given));
  const [file, ...more] = [...Deno.readDirSync(folder)].map((e) => join(folder, e.name));
  assertEquals(more, []);
  const written = Deno.statSync(file!).mtime;
  assertEquals(contentOf(await loadExamples(given)), first);
  assertEquals(Deno.statSync(file!).mtime, written);

  const bytes = Deno.readFileSync(file!);
  bytes[bytes.length - 50]! ^= 1;
  Deno.writeFileSync(file!, bytes);
  assertEquals(contentOf(await loadExamples(given)), first);
  Deno.writeFileSync(file!, bytes.subarray(0, 100));
  assertEquals(contentOf(await loadExamples(given)), first);
  // the header has the counts, the rows' hash and the report
  const whole = Deno.readFileSync(file!), size = new DataView(whole.buffer).getUint32(0, true);
  const header = Array.from({ length: Math.ceil(size / 23) }, (_, i) => (4 + 23 * i) / whole.length);
  for (const { what, bytes } of damagesOf(whole, [...header, 0.5, 0.9])) {
    Deno.writeFileSync(file!, bytes);
    assertEquals(readCache(file!), null, what);
  }
  Deno.writeFileSync(file!, whole);
  assert(readCache(file!) !== null);

  const other = await loadExamples({ ...given, options: { ...given.options, cutoff_len: 64 } });
  assertNotEquals(other.hash, first.hash);
  assertEquals([...Deno.readDirSync(folder)].length, 2);
  const swapped = { ...given.options, val_size: 0, dataset: [], eval_dataset: ["d"] };
  const asEvaluation = await loadExamples({ ...given, options: swapped });
  const asTraining = await loadExamples({
    ...given,
    options: { ...swapped, dataset: ["d"], eval_dataset: [] },
  });
  assertEquals([asEvaluation.train.length, asEvaluation.evaluation.length], [0, 4000]);
  for (const _ of ["made", "read"]) {
    const apart = await loadExamples({ ...given, options: { ...swapped, eval_on_each_dataset: true } });
    assertEquals(apart.evaluationSets, [{ name: "d", count: 4000 }]);
  }
  assertEquals([asTraining.train.length, asTraining.evaluation.length], [4000, 0]);
});
