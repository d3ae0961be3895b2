/** Ids that were kept are found again, by the word alone: a cache that never hits is only slower, so no other test would see it. */
import { assertEquals } from "@std/assert";

import { WordCache } from "./word_cache.ts";

function found(cache: WordCache, text: string, start = 0, end = text.length): number[] | null {
  const ids: number[] = [];
  return cache.find(text, start, end, ids) ? ids : null;
}

function keep(cache: WordCache, word: string, ids: readonly number[]): void {
  assertEquals(found(cache, word), null, `${word} isn't there yet`);
  cache.keep(word, 0, word.length, { ids: Int32Array.from(ids), count: ids.length });
}

Deno.test("WordCache finds a word's ids wherever in a text it stands, and no other word's", () => {
  const cache = new WordCache();
  keep(cache, "ab", [1, 2]);
  keep(cache, "abc", [3]);
  keep(cache, "", []);
  assertEquals(found(cache, "xxabcx", 2, 4), [1, 2]);
  assertEquals(found(cache, "xxabcx", 2, 5), [3]);
  assertEquals(found(cache, "x", 1, 1), []);
  for (const other of ["a", "ba", "abd", "abcd"]) assertEquals(found(cache, other), null, other);
});

Deno.test("WordCache keeps the first ids of a longer array, and pushes behind those that are there", () => {
  const cache = new WordCache(), ids = [7];
  assertEquals(cache.find("a", 0, 1, ids), false);
  cache.keep("a", 0, 1, { ids: Int32Array.of(8, 9, 10), count: 2 });
  assertEquals([cache.find("a", 0, 1, ids), ids], [true, [7, 8, 9]]);
});

Deno.test("WordCache holds thousands of words, and begins anew when it is full, without a wrong id", () => {
  const cache = new WordCache(), words = 70_000;
  let hits = 0;
  for (let i = 0; i < words; i++) keep(cache, `word ${i}`, [i]);
  for (let i = 0; i < words; i++) {
    const ids = found(cache, `word ${i}`);
    if (ids === null) continue;
    hits++;
    assertEquals(ids, [i]);
  }
  assertEquals(found(cache, `word ${words - 1}`), [words - 1], "the last one is there");
  assertEquals(hits > 1000 && hits < words, true, `${hits} of ${words} are there`);
});
