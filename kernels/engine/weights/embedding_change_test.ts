import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";

import type { WeightSource } from "../../../formats/hf_model/mod.ts";
import { tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { EMBEDDING } from "../decoder/decoder.ts";
import { changedBy, withEmbeddingChange } from "./embedding_change.ts";

const { config: tied, weights } = tinyModel("qwen2");
const { config: apart } = tinyModel("mistral");
const HEAD = "lm_head.weight";
const NONE = { embedding: null, head: null, staysTied: false };

/** As much of a model's files as is asked for here; a tied head is the embedding, as in all formats. */
const files = {
  names: () => Object.keys(weights),
  shape: (name: string) => name === EMBEDDING || name === HEAD ? [tied.vocabSize, tied.hiddenSize] : null,
  read: (name: string) => weights[name === HEAD ? EMBEDDING : name]!.slice(),
  hash: () => "files",
} as unknown as WeightSource;

Deno.test("withEmbeddingChange() gives new rows the others' mean and noise of deviation 1/√hidden, and leaves the others as they are", () => {
  const rows = tied.vocabSize + 4096, { decoder, change } = changedBy({ ...NONE, rows }, tied, 3);
  const grown = withEmbeddingChange(files, change, decoder), width = tied.hiddenSize;
  assertEquals([decoder.vocabSize, decoder.tieWordEmbeddings], [rows, true]);
  assertEquals(grown.shape(EMBEDDING), [rows, width]);
  const all = grown.read(EMBEDDING), old = weights[EMBEDDING]!;
  assertEquals(all.length, rows * width);
  assertEquals(all.subarray(0, old.length), old);
  // each column by itself: sums of 4,096 numbers of deviation d have the deviation d / 64 as a mean
  let squares = 0;
  for (let column = 0; column < width; column++) {
    const of = (values: Float32Array) =>
      Array.from({ length: values.length / width }, (_, row) => values[row * width + column]!);
    const mean = (list: number[]) => list.reduce((a, b) => a + b, 0) / list.length;
    const center = mean(of(old)), made = of(all.subarray(old.length));
    assertAlmostEquals(mean(made), center, 5 / Math.sqrt(width) / 64, `column ${column}`);
    squares += mean(made.map((value) => (value - center) ** 2));
  }
  assertAlmostEquals(Math.sqrt(squares / width) * Math.sqrt(width), 1, 0.01);
  assertEquals(
    grown.rows(EMBEDDING, [2, rows - 1]),
    Float32Array.of(...old.subarray(2 * width, 3 * width), ...all.subarray(-width)),
  );
});

Deno.test("withEmbeddingChange() draws by seed, and gives a head of its own the embedding that the files have for both", () => {
  const rows = tied.vocabSize + 64, both = { embedding: rows, head: rows, staysTied: false };
  const of = (seed: number) => {
    const { decoder, change } = changedBy(both, tied, seed);
    assertEquals(decoder.tieWordEmbeddings, false);
    return withEmbeddingChange(files, change, decoder);
  };
  const [one, again, other] = [of(1), of(1), of(2)];
  assert(one.names().includes(HEAD));
  assertEquals(one.read(HEAD), one.read(EMBEDDING));
  assertEquals(again.read(EMBEDDING), one.read(EMBEDDING));
  assert(other.read(EMBEDDING).some((value, i) => value !== one.read(EMBEDDING)[i]));
  assertEquals([one.hash() === again.hash(), one.hash() === other.hash()], [true, false]);
});

Deno.test("changedBy() takes an adapter's rows, unties what it has apart, and refuses one of two vocabularies", () => {
  assertEquals(changedBy(NONE, tied), { decoder: tied, change: null });
  assertEquals(changedBy({ ...NONE, head: tied.vocabSize }, tied).decoder.tieWordEmbeddings, false);
  assertEquals(changedBy({ ...NONE, embedding: tied.vocabSize, staysTied: true }, tied).change, null);
  const rows = apart.vocabSize + 64;
  assertEquals(changedBy({ embedding: rows, head: rows, staysTied: false }, apart).decoder.vocabSize, rows);
  assertThrows(() => changedBy({ ...NONE, embedding: rows }, apart), RangeError, "different vocabularies");
});
