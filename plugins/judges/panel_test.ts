import { assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";

import { builtinRegistry } from "../builtins.ts";
import { failed } from "../endpoints/failures.ts";
import { createJudge } from "../kinds/create_judge.ts";
import { JudgeUnreachable } from "../kinds/judge.ts";
import type { Judgement } from "../kinds/judgement.ts";
import { nowhere } from "../kinds/place.ts";
import { never, request, scoreValues } from "./_judge_request.ts";
import { combineJudgements, panelOf } from "./panel.ts";

const judgement = (...values: (number | null)[]): Judgement => ({
  constraints: values.map((score) => score === null ? { score, reason: "none" } : { score }),
  overall: { score: null, reason: "none" },
  raw: "raw",
});
const members = (...all: Judgement[]) => all.map((j, i) => ({ judge: `j${i}`, judgement: j }));

Deno.test("combineJudgements(): mean, majority, ties and the quorum (by hand)", () => {
  const three = members(judgement(10, 0, 4, null), judgement(10, 10, 5, null), judgement(4, 10, 6, 10));
  assertEquals(scoreValues(combineJudgements(three, "mean", 2)).slice(0, 4), [8, 20 / 3, 5, null]);
  assertEquals(scoreValues(combineJudgements(three, "majority", 2)).slice(0, 4), [10, 10, null, null]);
  assertEquals(scoreValues(combineJudgements(three, "majority", 1)).slice(0, 4), [10, 10, null, 10]);
  const combined = combineJudgements(three, "mean", 2);
  assertEquals([combined.reading, combined.members?.length], ["partial", 3]);
  assertEquals(scoreValues(combineJudgements(members(judgement(1), judgement(0)), "majority", 2))[0], null);
});

Deno.test("a panel needs equal scales and asks every member; one that can't be reached leaves the item unjudged", async () => {
  const judge = (scale: number, value: number) => ({ scale, judge: () => Promise.resolve(judgement(value)) });
  assertThrows(
    () => panelOf([{ name: "a", judge: judge(1, 1) }, { name: "b", judge: judge(10, 1) }], "mean", 2),
    RangeError,
    "scales differ",
  );
  const panel = panelOf([{ name: "a", judge: judge(1, 1) }, { name: "b", judge: judge(1, 0) }], "mean", 2);
  assertAlmostEquals((await panel.judge(request(), never)).constraints[0]!.score!, 0.5, 1e-12);
  const dead = { scale: 1, judge: () => Promise.reject(new JudgeUnreachable(failed("server", "down"))) };
  await assertRejects(async () => {
    await panelOf([{ name: "a", judge: judge(1, 1) }, { name: "b", judge: dead }], "mean", 1).judge(
      request(),
      never,
    );
  }, JudgeUnreachable);
});

Deno.test("every member of a panel that can't be asked is named, and starting again helps only where none lasts", async () => {
  const dead = (name: string, ...why: Parameters<typeof failed>) => ({
    name,
    judge: { scale: 1, judge: () => Promise.reject(new JudgeUnreachable(failed(...why))) },
  });
  const well = { name: "b", judge: { scale: 1, judge: () => Promise.resolve(judgement(1)) } };
  const panel = panelOf([dead("a", "server", "down"), well, dead("c", "auth", "bad key")], "mean", 1);
  const { message, completion } = await assertRejects(
    () => panel.judge(request(), never),
    JudgeUnreachable,
  );
  assertEquals(message, "2 of the panel's 3 judges couldn't be asked: a: down; c: bad key");
  assertEquals([completion.failure?.kind, completion.failure?.retryable], ["auth", false]);
});

Deno.test("createJudge() makes panels of judges and models by name", () => {
  const run = { registry: builtinRegistry(), place: nowhere };
  const model = (name: string) => ({
    type: "vllm",
    args: { name, api_base: "http://localhost:1/v1", api_key: "EMPTY" },
  });
  const { judge, title } = createJudge({
    type: "panel",
    args: { judges: [model("a"), model("a"), model("b")] },
  }, run);
  assertEquals(title, "a + a (2) + b");
  assertEquals(judge.endpoints?.length, 3);
  assertThrows(() => createJudge({ type: "panel", args: { judges: [model("a")] } }, run), TypeError);
  assertThrows(() => createJudge({ type: "panl" }, run), RangeError, 'did you mean "panel"');
  assertThrows(
    () => createJudge({ ...model("a"), run_args: { temprature: 1 } }, run),
    TypeError,
    'did you mean "temperature"',
  );
});
