/** CFBench's metrics, worked out by hand. */
import { assertEquals } from "@std/assert";
import { findScore, ScoreSums } from "../scores.ts";
import {
  cfbenchContributions,
  cfbenchMetrics,
  type CfbenchMode,
  readCfbench,
  readCfbenchJson,
} from "./cfbench.ts";
import { completeMetrics, type Priority, round2 } from "./metrics.ts";
import { criteriaItem } from "./_made_item.ts";

Deno.test("PSR by priority, from the rules", () => {
  const psr = (scores: number[], kinds: string) =>
    completeMetrics(scores, [...kinds].map((k): Priority => k === "p" ? "primary" : "secondary")).PSR;
  assertEquals(psr([0, 1, 1, 1, 1, 1], "psssss"), 0);
  assertEquals(psr([1, 1, 1, 1, 0, 0], "psssss"), 0); // secondary mean 0.6: 0.5 + 0.3 isn't above 0.8
  assertEquals(psr([1, 1, 1, 0], "psss"), 1); // 0.67
  assertEquals(psr([1, 1], "pp"), 1);
  assertEquals(psr([1, 1, 1, 1, 0], "sssss"), 0); // 0.8 isn't above 0.8
  assertEquals(psr([1, 1, 1, 1, 1, 0], "ssssss"), 1);
});

Deno.test("round2() rounds as NumPy does", () => {
  // NumPy 2.4.6: [round(np.float64(x), 2) for x in ...]; Python's own round gives 0.03, 0.97 and 2.67 for three
  const cases = [
    [0.025, 0.02],
    [0.975, 0.98],
    [0.125, 0.12],
    [0.375, 0.38],
    [0.625, 0.62],
    [0.875, 0.88],
    [2.675, 2.68],
    [2 / 3, 0.67],
    [
      0.285,
      0.28,
    ],
    [1, 1],
  ];
  for (const [x, expected] of cases) assertEquals(round2(x!), expected);
});

Deno.test("what can't be read stays unscored in fixed mode and is what upstream made of it in upstream mode", () => {
  const one = criteriaItem(["甲", "主需"], ["乙", "次需"], ["丙", "次需"]);
  const metrics = (text: string, mode: CfbenchMode) =>
    cfbenchMetrics(one, readCfbench(one, text, mode), mode);
  const none = { CSR: null, ISR: null, PSR: null };
  assertEquals(metrics("抱歉", "fixed"), none);
  assertEquals(metrics("抱歉", "upstream"), { CSR: 0, ISR: 0, PSR: 0 });
  assertEquals(metrics("甲\t1\n\n乙\t0", "upstream"), { CSR: 1, ISR: 1, PSR: 1 }); // the lost zero
  assertEquals(metrics("甲\t1\n\n乙\t0", "fixed"), { CSR: 0.5, ISR: 0, PSR: 0 }); // secondary mean at most 0.5
  assertEquals(metrics("甲\t1\n\n乙\t1", "fixed"), { CSR: 1, ISR: null, PSR: null }); // 丙 decides
  assertEquals(metrics("甲\t0", "fixed"), { CSR: 0, ISR: 0, PSR: 0 });
  assertEquals(cfbenchMetrics(one, null, "upstream"), none);
  const [fixed, upstream] = (["fixed", "upstream"] as const).map((mode) =>
    readCfbench(one, "抱歉", mode).constraints[0]
  );
  assertEquals(fixed, { score: null, reason: 'the judge gave no fine-grained score: its reply is "抱歉"' });
  assertEquals(upstream, {
    score: null,
    reason: `the judge's text isn't in the format asked for: its reply is "抱歉"`,
  });
});

Deno.test("a reply with entries that can't be read is the same reason for all criteria's texts, and JSON tells its score", () => {
  const reason = ([a, b]: [string, string], score: string) => {
    const one = criteriaItem([a, "主需"], [b, "次需"]);
    return readCfbench(one, `${a}\t${score}\n${b}\t0`, "upstream").constraints[0];
  };
  // one line break instead of two
  const expected = { score: null, reason: "the judge's text isn't in the format asked for" };
  assertEquals([reason(["甲", "乙"], "1"), reason(["丙", "丁"], "0")], [expected, expected]);
  const json = '{"tag": "t", "scores": [1, 7]}';
  assertEquals(readCfbenchJson(criteriaItem(["甲", "主需"], ["乙", "次需"]), json, "t").constraints[0], {
    score: null,
    reason: "the judge's JSON has a score that isn't 0 or 1: 7",
  });
});

Deno.test("what a judge leaves out of a response is a miss of all in CSR too", () => {
  const one = criteriaItem(["甲", "主需"], ["乙", "次需"], ["丙", "次需"], ["丁", "次需"]);
  // of the second row the judge names only one of four criteria: (4 + 1) / 8 of all are met for certain
  const sums = new ScoreSums();
  for (const text of ["甲\t1\n乙\t1\n丙\t1\n丁\t1", "甲\t1"]) {
    const judgement = readCfbench(one, text, "fixed");
    sums.add(cfbenchContributions({ item: one, response: "", judgement }, "fixed"));
  }
  const { value, ofAll, scored, unscored } = findScore(sums.scores(), "CSR")!;
  assertEquals([value, ofAll, scored, unscored], [1, 0.625, 1.25, 0.75]);
});
