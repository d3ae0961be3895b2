/** Blocks of texts by hand, from LLaMA-Factory's rule: texts of a group one behind the other, cut, and what doesn't fill a block left out. */
import { assertEquals } from "@std/assert";

import { packTexts } from "./pack_text.ts";

const shown = ({ blocks, leftOut }: ReturnType<typeof packTexts>) => ({
  blocks: blocks.map(({ ids, first }) => [first, ...ids]),
  leftOut,
});

Deno.test("packTexts() cuts a group's texts into blocks that name the text they begin in, and counts the rest", () => {
  const texts = [[1, 2], [3, 4, 5], [6]];
  assertEquals(shown(packTexts(texts, 2, null)), { blocks: [[0, 1, 2], [1, 3, 4], [1, 5, 6]], leftOut: 0 });
  assertEquals(shown(packTexts(texts, 4, null)), { blocks: [[0, 1, 2, 3, 4]], leftOut: 2 });
  assertEquals(shown(packTexts(texts, 4, 9)), { blocks: [[0, 9, 2, 3, 4]], leftOut: 2 }, "bos first");
});

Deno.test("packTexts() leaves out what doesn't fill a block at the end of each group", () => {
  const texts = [[1, 2, 3], [4], [5, 6, 7]];
  assertEquals(shown(packTexts(texts, 3, null, 2)), { blocks: [[0, 1, 2, 3], [2, 5, 6, 7]], leftOut: 1 });
});

Deno.test("packTexts() makes one shorter block where no group fills one, and none of no texts", () => {
  assertEquals(shown(packTexts([[1], [2]], 5, null)), { blocks: [[0, 1, 2]], leftOut: 0 });
  assertEquals(shown(packTexts([[1], [2], [3]], 2, null, 1)), { blocks: [[0, 1, 2]], leftOut: 1 });
  assertEquals(packTexts([], 5, 9), { blocks: [], leftOut: 0 });
  assertEquals(packTexts([[]], 5, null), { blocks: [], leftOut: 0 }, "an empty text");
});
