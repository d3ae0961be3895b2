import { assert } from "@std/assert";
import { randomWords } from "./random_words.ts";

Deno.test("randomWords() fills its range evenly", () => {
  const next = randomWords(3);
  const counts = new Array<number>(16).fill(0);
  for (let i = 0; i < 160_000; i++) counts[next() >>> 28]!++;
  // χ² with 15 degrees of freedom: 37.7 is its 99.9 % quantile
  const chi2 = counts.reduce((sum, c) => sum + (c - 10_000) ** 2 / 10_000, 0);
  assert(chi2 < 37.7, `${chi2}`);
});
