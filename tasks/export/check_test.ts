import { assertEquals, assertStringIncludes } from "@std/assert";

import { compareLogits, lossNote } from "./check.ts";

const likes = (first: boolean) => first ? [2, 1] : [1, 2];
const logits = (...firsts: boolean[]) => Float32Array.from(firsts.flatMap(likes));

Deno.test("lossNote() speaks where fewer than half of the most likely tokens stay", () => {
  const before = logits(true, true, true, true);
  assertEquals(lossNote(compareLogits(before, before, 4)), null);
  assertEquals(lossNote(compareLogits(before, logits(true, false, true, false), 4)), null);
  const note = lossNote(compareLogits(before, logits(false, false, true, false), 4)) ?? "";
  // by hand: p = softmax(2, 1) = (0.7311, 0.2689); KL to the exchanged one is (0.7311 - 0.2689) (2 - 1) = 0.4621, at 3 of 4 positions
  assertStringIncludes(note, "the most likely token at 3 of 4 positions (KL divergence 0.35 nats)");
});
