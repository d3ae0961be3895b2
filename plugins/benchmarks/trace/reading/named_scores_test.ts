/** Scores of which none names a constraint: they stand for the constraints in order, or for none. */
import { assertEquals } from "@std/assert";

import { assignScores, unread } from "./named_scores.ts";

const CONSTRAINTS = [{ text: "be brief and plain" }, { text: "mention green tea" }];

/** Scores 8, 3, 5 … with these names, given to the two constraints. */
function given(...names: string[]): (number | null)[] {
  const scores = names.map((name, i) => ({ names: [name], verdict: { score: [8, 3, 5][i] ?? 0 } }));
  return assignScores(scores, CONSTRAINTS).map(({ score }) => score);
}

Deno.test("assignScores() takes scores that name no constraint in their order where their names have no numbers, or count from 0 or 1", () => {
  assertEquals(given("clarity", "tone"), [8, 3]);
  assertEquals(given("clause 1", "clause 2"), [8, 3]);
  assertEquals(given("clause 0", "clause 1"), [8, 3]);
  for (
    const names of [
      ["clause 2", "clause 1"],
      ["clause 1", "clause 3"],
      ["clause 2", "clause 3"],
      ["clause 1", "clause 1"],
      ["clause 1", "tone"],
      ["clarity", "clause 2"],
      ["clarity", "overall"],
      ["clarity", "sum of words"],
      ["clarity"],
      ["clarity", "tone", "style"],
    ]
  ) assertEquals(given(...names), [null, null], names.join());
});

Deno.test("assignScores() gives none by place where an entry can't be read, and says how many there were", () => {
  const verdicts = assignScores([{ names: ["clarity"], verdict: { score: 8 } }, unread("tone")], CONSTRAINTS);
  const none = { score: null, reason: "the judge gave 1 score for 2 constraints, none by its name" };
  assertEquals(verdicts, [none, none]);
});
