/** Single lines whose reading no whole reply shows: a number in brackets alone is a score, a list's number with nothing behind it is none. */
import { assertEquals } from "@std/assert";

import { lineScore } from "./line_score.ts";

Deno.test("lineScore() takes a number in brackets that is all of the line, and no list's number", () => {
  for (const line of ["[8]\n", "(8)\n", "- [8]\n"]) {
    assertEquals(lineScore(line, 10)?.verdict, { score: 8 }, line);
  }
  for (const line of ["8.\n", "8)\n", "#8\n", "8. good\n"]) {
    assertEquals(lineScore(line, 10), undefined, line);
  }
});
