import { assertEquals, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";

import { datasetGolden } from "../../tests/helpers/dataset_goldens.ts";
import { bufferShuffle } from "../../tasks/train/data/sets/buffer_shuffle.ts";
import { mixRows } from "../../tasks/train/data/sets/mix.ts";
import { MT19937, numpyLegacyChoice, numpyLegacyPermutation } from "./mt19937.ts";
import { NumpyGenerator } from "./numpy.ts";
import { trainOrder } from "../../plugins/trainers/local/batches/order.ts";
import { splitRows } from "../../tasks/train/data/sets/split.ts";

const numpy = datasetGolden("numpy.json");
const lf = datasetGolden("datasets.json");
const sha = (x: Int32Array) => createHash("sha256").update(new Uint8Array(x.buffer)).digest("hex");

Deno.test("NumpyGenerator draws what NumPy's default_rng draws", () => {
  assertEquals(sha(new NumpyGenerator(42).permutation(119345)), numpy.permutation_42_119345_sha256);
  const big = new NumpyGenerator(2 ** 40 + 5).permutation(20);
  assertEquals([...big], numpy["permutation_1099511627781_20"]);
  const g = new NumpyGenerator(42);
  assertEquals(Array.from({ length: 40 }, () => g.choice([0.5, 0.3, 0.2])), numpy.choice_42_p_50_30_20);
  for (const n of [16384, 3000000000]) {
    const h = new NumpyGenerator(7);
    assertEquals(Array.from({ length: 20 }, () => h.integer(n)), numpy[`integers_7_${n}`]);
  }
  const items = Array.from({ length: 50 }, (_, i) => i);
  new NumpyGenerator(3).shuffle(items);
  assertEquals(items, numpy.shuffle_3_50);
});

Deno.test("NumpyGenerator refuses a negative or fractional seed", () => {
  assertThrows(() => new NumpyGenerator(-1), RangeError, "current value is -1");
  assertThrows(() => new NumpyGenerator(1.5), RangeError);
});

Deno.test("MT19937 gives NumPy's legacy permutation and choice", () => {
  const g = new MT19937(42);
  assertEquals(sha(numpyLegacyPermutation(5000, g)), numpy.legacy_42_permutation_5000_sha256);
  assertEquals([...numpyLegacyChoice(5000, 10, g)], numpy.legacy_42_then_choice_5000_10);
});

Deno.test("trainOrder visits rows as the Hugging Face Trainer does (golden)", () => {
  for (const { n, seed, epoch, order } of lf.train_order) {
    assertEquals([...trainOrder(n, seed, epoch)], order);
  }
  assertEquals([...trainOrder(3, 42, 1, false)], [0, 1, 2]);
});

Deno.test("splitRows splits as datasets' train_test_split does (golden)", () => {
  let checked = 0;
  for (const { n, val_size, seed, train, validation, error } of lf.val_split) {
    // 1.0 is an error there and one row when written as 1; JavaScript has one number for both
    if (error && val_size === 1) continue;
    if (error) assertThrows(() => splitRows(n, val_size, seed), RangeError, `current value is ${val_size}`);
    else {
      const split = splitRows(n, val_size, seed);
      assertEquals([[...split.train], [...split.validation]], [train, validation]);
    }
    checked++;
  }
  assertEquals(checked, lf.val_split.length - 1);
  assertEquals([...splitRows(3, 0, 42).train], [0, 1, 2]);
});

Deno.test("mixRows interleaves as datasets' interleave_datasets does (examples of its own documentation)", () => {
  assertEquals([...mixRows([3, 4], "concat", null, 42)], [0, 1, 2, 3, 4, 5, 6]);
  assertEquals([...mixRows([3, 4, 5], "interleave_under", null, 42)], [0, 3, 7, 1, 4, 8, 2, 5, 9]);
  const over = [0, 3, 7, 1, 4, 8, 2, 5, 9, 0, 6, 10, 1, 3, 11];
  assertEquals([...mixRows([3, 4, 5], "interleave_over", null, 42)], over);
  // by hand from the draws 1 0 2 1 0 2 1 1 0 0 0 2 … of NumPy with seed 42 (numpy.json)
  const p = [0.5, 0.3, 0.2];
  assertEquals([...mixRows([3, 4, 3], "interleave_under", p, 42)], [3, 0, 7, 4, 1, 8, 5, 6]);
  assertEquals([...mixRows([3, 4, 3], "interleave_over", p, 42)], [3, 0, 7, 4, 1, 8, 5, 6, 2, 0, 1, 9]);
});

Deno.test("mixRows refuses probabilities that don't fit", () => {
  assertThrows(() => mixRows([1, 2], "interleave_under", [1], 1), RangeError, "1 numbers for 2 data sets");
  assertThrows(() => mixRows([1, 2], "interleave_under", [0.5, 0.6], 1), RangeError, "sum 1.1");
});

const hf = datasetGolden("hugging_face.json");

Deno.test("mixRows equals interleave_datasets (golden)", () => {
  const row = (n: number) => n < 7 ? n : n < 16 ? 100 + n - 7 : 200 + n - 16;
  for (const strategy of ["interleave_under", "interleave_over"] as const) {
    for (const p of [null, [0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]) {
      const key = `${strategy} ${p ? `[${p.join(", ")}]` : "None"}`;
      assertEquals([...mixRows([7, 9, 4], strategy, p, 42)].map(row), hf[key], key);
    }
  }
});

Deno.test("bufferShuffle equals IterableDataset.shuffle in three epochs (golden)", async () => {
  for (const epoch of [0, 1, 2]) {
    assertEquals(await Array.fromAsync(bufferShuffle(count(60), 16, 42, epoch)), hf[`stream ${epoch}`]);
  }
});

async function* count(n: number): AsyncGenerator<number> {
  for (let i = 0; i < n; i++) yield await Promise.resolve(i);
}
