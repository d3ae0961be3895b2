import { assertEquals } from "@std/assert";
import { DraftLength, lookUp } from "./lookup.ts";

Deno.test("lookUp() gives what followed the latest place of the longest agreeing end", () => {
  assertEquals(lookUp([1, 2, 3, 4, 5, 1, 2, 3], 2), [4, 5]);
  // Three agree at the beginning, two nearer the end.
  assertEquals(lookUp([7, 8, 9, 1, 0, 8, 9, 2, 7, 8, 9], 1), [1]);
  assertEquals(lookUp([8, 9, 1, 0, 8, 9, 2, 5, 8, 9], 4), [2, 5, 8, 9]);
  assertEquals(lookUp([1, 2, 3, 4], 5), []);
  assertEquals(lookUp([3, 3, 3, 3], 0), []);
  // A circle goes on for as long as a draft is wanted, through the tokens that it was looked up by and itself.
  assertEquals(lookUp([6, 6, 6, 6], 3), [6, 6, 6]);
  assertEquals(lookUp([5, 1, 2, 1, 2, 1, 2], 7), [1, 2, 1, 2, 1, 2, 1]);
  assertEquals(lookUp([8, 9, 1, 0, 8, 9, 2, 5, 8, 9], 6), [2, 5, 8, 9, 2, 5]);
});

Deno.test("DraftLength grows while drafts are right and shrinks to what was", () => {
  const draft = new DraftLength(8);
  const lengths = [[3, 3], [7, 7], [2, 8], [0, 3], [0, 1], [1, 1]].map(([right, drafted]) => {
    const { length } = draft;
    draft.learn(right!, drafted!);
    return length;
  });
  assertEquals([...lengths, draft.length], [3, 7, 8, 3, 1, 1, 3]);
  assertEquals(new DraftLength(0).length, 0);
});
