import { assertEquals } from "@std/assert";
import { ReasonCounts } from "./reason_counts.ts";

Deno.test("ReasonCounts shows the numbers of reasons, and groups those that differ in numbers alone", () => {
  const counts = new ReasonCounts();
  for (const [n, m] of [[2, 3], [2, 3], [4, 5]]) {
    counts.add(`the judge gave ${n} scores for ${m} constraints`);
  }
  counts.add("3 of 3 judges are silent");
  counts.add("no verdict");
  counts.add("no verdict");
  assertEquals(counts.most(2), [
    { reason: "the judge gave 2 scores for 3 constraints (the first; the numbers differ)", count: 3 },
    { reason: "no verdict", count: 2 },
    { reason: "other reasons", count: 1 },
  ]);
  assertEquals(counts.most(3)[2], { reason: "3 of 3 judges are silent", count: 1 });
});

Deno.test("ReasonCounts is bounded, and no reason is lost from the sum", () => {
  const counts = new ReasonCounts();
  for (let i = 0; i < 3000; i++) counts.add(`reason ${"x".repeat(i % 1500)}`);
  const most = counts.most(10);
  assertEquals(most.length, 11);
  assertEquals(most.reduce((sum, { count }) => sum + count, 0), 3000);
});
