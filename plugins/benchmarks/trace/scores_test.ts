/** TRACE's scores, worked out by hand. */
import { assertEquals } from "@std/assert";
import type { BenchmarkItem, BenchmarkResult } from "../../kinds/benchmark.ts";
import { Registry } from "../../registry.ts";
import { findScore, scoreResults } from "../scores.ts";
import plugin, { readTrace, readTraceJson, traceFollowed } from "./trace.ts";
import { readTraceItems } from "./items.ts";
import { constraintItem, contractReply, judgedScores } from "./_made_item.ts";

const items = await Array.fromAsync(readTraceItems());
const benchmark = new Registry([plugin]).create("benchmark", "trace", { rounds: 2 });

Deno.test("a response counts when every constraint has 10; without all of them, when the overall score is 10", () => {
  const followed = (text: string, ...texts: string[]) =>
    traceFollowed(readTrace(constraintItem(...texts), text)).score;
  assertEquals(followed(contractReply({ a: 10, b: 10 }, 3), "a", "b"), 1);
  assertEquals(followed(contractReply({ a: 10, b: 9.9 }, 10), "a", "b"), 0);
  assertEquals(followed(contractReply({ a: 10 }, 10), "a", "b"), 1);
  assertEquals(followed(contractReply({ a: 10 }, 9), "a", "b"), 0);
  assertEquals(followed('Fine Grained Score: [{"a": 10}]', "a", "b"), null);
});

Deno.test("all fine-grained scores without an overall one are complete: IF counts the response, overall leaves it out", () => {
  const asked = constraintItem("a", "b");
  const read = readTrace(asked, 'Fine Grained Score: [{"a": 10, "b": 10}]\nThat is all.');
  assertEquals([read.reading, ...judgedScores(read)], ["complete", [10, 10], null]);
  const result = { item: asked, response: "r", judgement: read } as unknown as BenchmarkResult;
  const found = benchmark.contributions(result).filter(({ group }) => group === undefined);
  const value = (metric: string) => found.filter((each) => each.metric === metric).map((each) => each.value);
  assertEquals([value("IF"), value("fine-grained"), value("overall")], [[1], [1], [null]]);
});

Deno.test("scores: both denominators, by type, dimension and number; never a zero for what isn't judged", () => {
  const single = items.filter((i) => i.constraints.length === 1).slice(0, 4);
  const multi = items.find((i) => i.constraints.length === 3)!;
  const judged = (i: BenchmarkItem, ...scores: number[]): BenchmarkResult => ({
    item: i,
    response: "r",
    judgement: readTraceJson(i, JSON.stringify({ tag: "t", scores, overall: 5 }), "t"),
  });
  const scores = scoreResults(benchmark, [
    judged(single[0]!, 10),
    judged(single[1]!, 10),
    judged(single[2]!, 6),
    { item: single[3]!, response: "r", judgement: readTrace(single[3]!, "?") },
    judged(multi, 10, 10, 4),
    { item: multi, response: null, judgement: null },
  ]);
  const score = (metric: string, by?: string, name?: string) => findScore(scores, metric, by, name);
  assertEquals(score("IF-S"), { metric: "IF-S", value: 2 / 3, ofAll: 2 / 4, scored: 3, unscored: 1 });
  assertEquals(score("IF-M"), { metric: "IF-M", value: 0, ofAll: 0, scored: 1, unscored: 1 });
  assertEquals(score("mean")!.value, 50 / 6);
  assertEquals(score("met"), { metric: "met", value: 4 / 6, ofAll: 4 / 10, scored: 6, unscored: 4 });
  assertEquals(score("overall")!.value, 5);
  assertEquals(score("fine-grained")!.value, 4 / 5);
  assertEquals(score("IF", "constraints", "1")!.value, 2 / 3);
  // By dimension: `met` of the constraints of that label among the five judged and unjudged rows.
  const label = single[2]!.constraints[0]!.groups["dimension"]!;
  const expected = [single[0]!, single[1]!, single[2]!, multi].flatMap((i) => i.constraints)
    .filter((c) => c.groups["dimension"] === label);
  assertEquals(score("met", "dimension", label)!.scored, expected.length);
  const byType = scores.filter((s) => s.metric === "met" && s.group?.by === "type");
  assertEquals(byType.reduce((n, s) => n + s.scored, 0), 6);
});
