import { assertEquals, assertThrows } from "@std/assert";
import { allReach } from "../kinds/all_reach.ts";
import { contribute, findScore, outOf, ScoreSums } from "./scores.ts";

Deno.test("ScoreSums keeps unscored weight apart and puts headlines first", () => {
  const sums = new ScoreSums();
  sums.add(contribute("a", [{ score: 1 }, { score: null, reason: "?" }], { by: "split", name: "easy" }));
  sums.add(contribute("a", [{ score: 1 }, { score: 0 }, { score: null, reason: "?" }]));
  sums.add(contribute("b", [{ score: null, reason: "?" }]));
  const scores = sums.scores();
  assertEquals(scores.map((s) => [s.metric, s.group?.name, s.value, s.ofAll, s.scored, s.unscored]), [
    ["a", undefined, 1 / 2, 1 / 3, 2, 1],
    ["b", undefined, null, null, 0, 1],
    ["a", "easy", 1, 1 / 2, 1, 1],
  ]);
  assertEquals(findScore(scores, "a", "split", "easy")?.value, 1);
  assertEquals(findScore(scores, "a", "split", "hard"), undefined);
});

Deno.test("ScoreSums refuses weights and values that would spoil a sum", () => {
  const sums = new ScoreSums();
  for (const [value, weight] of [[1, 0], [NaN, 1], [Infinity, 1], [1, NaN]]) {
    assertThrows(() => sums.add([{ metric: "a", value: value!, weight: weight! }]), RangeError, 'score "a"');
  }
});

Deno.test("allReach() is decided as soon as one verdict is below", () => {
  const unknown = { score: null, reason: "?" } as const;
  assertEquals(allReach([{ score: 1 }, unknown, { score: 0 }]), { score: 0 });
  assertEquals(allReach([{ score: 1 }, unknown]), unknown);
  assertEquals(allReach([{ score: 10 }, { score: 10 }], 10), { score: 1 });
  assertEquals(allReach([]).score, null);
});

Deno.test("outOf() makes a score run to something other than 1", () => {
  const sums = new ScoreSums();
  sums.add(outOf(10, contribute("mean", [{ score: 7 }, { score: 10 }])));
  assertEquals(sums.scores(), [{ metric: "mean", value: 8.5, ofAll: 8.5, scored: 2, unscored: 0, max: 10 }]);
});

Deno.test("groups with whole numbers for names stand in their order, others as they came", () => {
  const sums = new ScoreSums();
  for (
    const [by, name] of [["constraints", "9"], ["topic", "tea"], ["constraints", "12"], ["topic", "2"], [
      "constraints",
      "1",
    ]] as const
  ) {
    sums.add(contribute("a", [{ score: 1 }], { by, name }));
  }
  assertEquals(sums.scores().map(({ group }) => `${group?.by} ${group?.name}`), [
    "constraints 1",
    "topic tea",
    "constraints 9",
    "topic 2",
    "constraints 12",
  ]);
});
