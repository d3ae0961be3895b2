import { assertEquals, assertStringIncludes } from "@std/assert";

import { sweepTable } from "./report.ts";
import { bestSetting, type CellResult } from "./run.ts";

const result = (setting: string, seed: number, score: number | null, loss: number | null): CellResult => ({
  cell: {
    name: `${setting},seed=${seed}`,
    setting,
    overrides: [],
    values: { lora_rank: setting, seed: String(seed) },
    directory: "",
  },
  training: {
    history: loss === null ? [] : [{ step: 1, eval_loss: 0.1 }, { step: 2, eval_loss: loss }],
    evaluationAtEnd: {},
  } as unknown as CellResult["training"],
  score: score === null ? null : { value: score, ofAll: score, unscored: 0 },
});

Deno.test("bestSetting() takes the mean over seeds: of scores the highest, of last losses the lowest, of equal ones the first", () => {
  const scored = [
    result("a", 0, 0.9, 1),
    result("a", 1, 0.1, 1),
    result("b", 0, 0.6, 9),
    result("b", 1, 0.6, 9),
  ];
  assertEquals([bestSetting(scored).setting, bestSetting(scored).value], ["b", 0.6]);
  const losses = scored.map((one) => ({ ...one, score: null }));
  assertEquals(bestSetting(losses).setting, "a");
  assertEquals(bestSetting([result("a", 0, 0.5, null), result("b", 0, 0.5, null)]).setting, "a");
  const none = bestSetting([result("a", 0, null, 1), result("b", 0, null, null)]);
  assertEquals(none.setting, null);
  assertStringIncludes(none.rule, "val_size");
  // some scores and losses, too, are no common measure
  const some = bestSetting([result("a", 0, 0.5, 1), result("b", 0, null, 1)]);
  assertEquals(some.setting, null);
  assertStringIncludes(some.rule, "as nothing was scored of b,seed=0");
});

Deno.test("a sweep's best setting counts unscored items as misses, and its table says how many each cell has", () => {
  const cell = (setting: string, score: CellResult["score"]) => ({
    ...result(setting, 0, null, null),
    score,
  });
  // of ten items a follows 4 of the 5 that were scored, b 7 of all
  const results = [
    cell("a", { value: 0.8, ofAll: 0.4, unscored: 5 }),
    cell("b", { value: 0.7, ofAll: 0.7, unscored: 0 }),
  ];
  assertEquals(bestSetting(results), {
    setting: "b",
    value: 0.7,
    rule:
      "highest score of the evaluation, unscored items as misses, mean over seeds; of equal settings the first",
  });
  const training = {
    ...{ config: {}, history: [], evaluationAtEnd: {}, steps: 1 },
    ...{ tokens: null, tokensPerSecond: null, seconds: null, memory: null },
  } as unknown as CellResult["training"];
  const { columns, rows } = sweepTable(results.map((one) => ({ ...one, training })));
  assertEquals(columns.slice(-4).map(({ title }) => title), ["score", "of all", "unscored", "best"]);
  assertEquals(rows.map((row) => row.slice(-4)), [["0.8000", "0.4000", "5", ""], [
    "0.7000",
    "0.7000",
    "0",
    "best",
  ]]);
});

Deno.test("bestSetting() names none where sets were evaluated each by itself, and says why", () => {
  const training = { history: [{ step: 2, eval_a_loss: 1.5, eval_b_loss: 2 }], evaluationAtEnd: {} };
  const results = [{ cell: { name: "x", setting: "x" }, score: null, training }] as unknown as CellResult[];
  assertEquals(bestSetting(results).setting, null);
  assertStringIncludes(bestSetting(results).rule, "leave eval_on_each_dataset out");
});
