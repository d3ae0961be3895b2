import { assertEquals } from "@std/assert";

import { unscoredText } from "./page/evaluations/scores.js";

Deno.test("the list says in which unit a headline leaves things out: items, or what else it counts", () => {
  const of = (items: number, scored: number, unscored: number) =>
    unscoredText({ items, scored, unscored, headline: { metric: "CSR" } });
  assertEquals(of(22, 22, 0), "");
  assertEquals(of(22, 21, 1), " (1 item unscored)");
  // responses that were judged in part; 22 − 5/3 and 5/3 don't add up to 22 exactly
  assertEquals(of(22, 22 - 5 / 3, 5 / 3), " (1.67 items unscored)");
  assertEquals(of(22, 61, 5), " (CSR: 5 of 66 verdicts unscored)");
  // a benchmark may have fewer verdicts than items
  assertEquals(of(22, 10, 2), " (CSR: 2 of 12 verdicts unscored)");
});
