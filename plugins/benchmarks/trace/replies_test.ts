/** TRACE's reading of replies, worked out by hand. */
import { assertEquals } from "@std/assert";

import type { Judgement } from "../../kinds/judgement.ts";
import { readTrace, readTraceJson } from "./trace.ts";
import { constraintItem, contractReply, judgedScores } from "./_made_item.ts";

Deno.test("reads the output contract", () => {
  const one = constraintItem("1. a;", "2. b;");
  assertEquals(judgedScores(readTrace(one, contractReply({ "1. a;": 10, "2. b;": 4.5 }, 7))), [[10, 4.5], 7]);
  assertEquals(readTrace(one, contractReply({ "1. a;": 10, "2. b;": 4 }, 7)).reading, "complete");
  assertEquals(judgedScores(readTrace(one, contractReply({ "2. b;": 4, "1. a;": 10 }, 7))), [[10, 4], 7]); // by text
});

Deno.test("reads what judges make of the contract", () => {
  const one = constraintItem("1. include “x”;", '2. say "y"');
  const read = (text: string) => judgedScores(readTrace(one, text));
  const overall = "\n**Constraints Overall Score:** [[6]]";
  // Fenced, one object per constraint, numbers as text.
  assertEquals(
    read(
      '**Fine Grained Score:**\n```json\n[{"1. include “x”": "10"}, {"2. say \\"y\\"": "3/10"}]\n```' +
        overall,
    ),
    [[10, 3], 6],
  );
  // Quotes that aren't escaped and a comma too many.
  assertEquals(read('Fine Grained Score: [{"1. include "x"": 10, "2. say "y"": 3,}]' + overall), [
    [10, 3],
    6,
  ]);
  assertEquals(
    read('Fine Grained Score: [{"constraint": "1", "score": 10}, {"id": 2, "score": 3}]' + overall),
    [[10, 3], 6],
  );
  assertEquals(read("Overall score: 8/10"), [[null, null], 8]);
  assertEquals(read("Constraints Overall Score：[[9]]"), [[null, null], 9]);
  const json = '{"tag": "t", "explanations": ["", ""], "scores": [10, 2], "overall": 5}';
  assertEquals(judgedScores(readTraceJson(one, json, "t")), [[10, 2], 5]);
  assertEquals(judgedScores(readTraceJson(one, json, "other")), [[null, null], null]);
  assertEquals(judgedScores(readTraceJson(one, json.slice(1), "t")), [[null, null], null]);
  assertEquals(judgedScores(readTraceJson(one, "null", "t")), [[null, null], null]);
  assertEquals(read(json), [[null, null], null]); // JSON counts only where it was asked for
  assertEquals(read("I refuse."), [[null, null], null]);
  assertEquals(
    read('Fine Grained Score: [{"1. include “x”;": 11, "2. say y": -1}]\nConstraints Overall Score: [[100]]'),
    [[null, null], null],
  );
});

Deno.test("one score too few or too many leaves out only what it must", () => {
  const one = constraintItem("a", "b");
  assertEquals(judgedScores(readTrace(one, contractReply({ b: 10 }, 3))), [[null, 10], 3]);
  assertEquals(judgedScores(readTrace(one, contractReply({ a: 9, b: 10, overall: 5 }, 3))), [[9, 10], 3]);
  assertEquals(judgedScores(readTrace(one, contractReply({ x: 9, y: 10, z: 5 }, 3))), [[null, null], 3]);
});

Deno.test("constraints of the same text keep their scores apart", () => {
  const text = 'Fine Grained Score: [{"a": 10, "a": 2}]\nConstraints Overall Score: [[6]]';
  assertEquals(judgedScores(readTrace(constraintItem("a", "a"), text)), [[10, 2], 6]);
});

Deno.test("the last answer wins", () => {
  const one = constraintItem("a");
  assertEquals(
    judgedScores(
      readTrace(one, contractReply({ a: 2 }, 2) + "\nOn second thoughts:\n" + contractReply({ a: 9 }, 8)),
    ),
    [[9], 8],
  );
});

Deno.test("fine-grained scores are read as judges write them: broken lines, Python's quotes, bare numbers, keys that name a score", () => {
  const two = ["1. first\nline;", "2. second;"];
  const read = (json: string, constraints = two) =>
    readTrace(constraintItem(...constraints), `Fine Grained Score: ${json}\nConstraints Overall Score: [[8]]`)
      .constraints.map((v) => v.score);
  assertEquals(read('[{"1. first\nline;": 10, "2. second;": 7}]'), [10, 7]);
  assertEquals(read("[{'1. first line;': 10, '2. second;': 7}]"), [10, 7]);
  assertEquals(read("[10, 7]"), [10, 7]);
  assertEquals(read("[10, 7, 3]"), [null, null]);
  assertEquals(read("[11, 7]"), [null, 7]);
  for (const named of ["1. give an overall score;", "1. give an overall score"]) {
    assertEquals(read(`[{"${named}": 10, "2. second;": 7}]`, [named, "2. second;"]), [10, 7]);
  }
});

/** Scores, or why there is none. */
const reasons = ({ constraints, overall }: Judgement) =>
  [...constraints, overall].map((verdict) => verdict.score === null ? verdict.reason : verdict.score);

Deno.test("a reply without a score, such as a refusal, is told as it is; one as long as an evaluation isn't", () => {
  const one = constraintItem("1. a;", "2. b;"), refusal = "I'm sorry,\nbut I can't help with that.";
  const quoted = `: its reply is "I'm sorry,\\nbut I can't help with that."`;
  const [fine, json] = [
    "the judge gave no fine-grained score",
    "the judge's answer isn't the JSON asked for",
  ];
  const whole = "the judge gave no overall score";
  assertEquals(reasons(readTrace(one, refusal)), [fine, fine, whole].map((reason) => reason + quoted));
  assertEquals(
    reasons(readTraceJson(one, refusal, "0a1b2c3d4e5f")),
    [json, json, json].map((reason) => reason + quoted),
  );
  assertEquals(reasons(readTrace(one, " \n"))[0], `${fine}: its reply is empty`);
  assertEquals(reasons(readTrace(one, "It is good. ".repeat(50))), [fine, fine, whole]);
  // what an evaluation leaves out is one reason for all replies
  assertEquals(reasons(readTrace(one, "Constraints Overall Score: [[7]]")), [fine, fine, 7]);
  assertEquals(reasons(readTrace(one, '### Fine Grained Score\n[{"1. a": 8, "2. b": 9}]')), [8, 9, whole]);
  assertEquals(
    reasons(readTraceJson(one, '{"tag": "t", "scores": [8, 9]}', "t")),
    [8, 9, "the judge's JSON has no overall score"],
  );
});

Deno.test("a judge's JSON that can't be used tells what is wrong with it, in the same words whatever the mark of its answer", () => {
  const one = constraintItem("1. a;", "2. b;");
  const faults: [json: string, reason: string][] = [
    [
      '{"tag": "TAG", "scores": [8, 9',
      `the judge's answer isn't the JSON asked for: its reply is ${
        JSON.stringify('{"tag": "…", "scores": [8, 9')
      }`,
    ],
    [
      '{"scores": [8, 9], "overall": 8}',
      "the judge's JSON doesn't repeat the mark that its prompt asks for (tag)",
    ],
    ["null", "the judge's JSON doesn't repeat the mark that its prompt asks for (tag)"],
    ['{"tag": "TAG", "overall": 8}', "the judge's JSON has no list of scores"],
    ['{"tag": "TAG", "scores": [8], "overall": 8}', "the judge's JSON has 1 score for 2 constraints"],
    [
      '{"tag": "TAG", "scores": [8, "9"], "overall": 8}',
      'the judge\'s JSON has a score that is no number: "9"',
    ],
  ];
  for (const tag of ["0a1b2c3d4e5f", "f5e4d3c2b1a0"]) {
    for (const [json, reason] of faults) {
      assertEquals(reasons(readTraceJson(one, json.replace("TAG", tag), tag)), [reason, reason, reason]);
    }
  }
});
