/**
 * Time to check all 541 GPT-4 responses, strict and loose; the target is 5 s.
 *
 *     deno bench -A plugins/benchmarks/ifeval/ifeval_bench.ts
 */
import { readText } from "../../../formats/records/rows.ts";
import { findScore, scoreResults } from "../scores.ts";
import rules, { judgeInstructions } from "../../judges/ifeval_rules/ifeval_rules.ts";
import plugin, { readIfevalItems } from "./ifeval.ts";
import { loadCheckModels } from "../../judges/ifeval_rules/models.ts";
import { Registry } from "../../registry.ts";

const models = await loadCheckModels();
const items = await readIfevalItems();
const text = await readText(new URL("../../../fixtures/ifeval/gpt4_responses.jsonl.gz", import.meta.url));
const responses = text.trim().split("\n").map((line) => JSON.parse(line).response as string);

Deno.bench("load the sentence and language models", async () => {
  const { punkt, languages } = await loadCheckModels();
  if (punkt.starters.size * languages.grams.size === 0) throw new Error("empty models");
});

Deno.bench("check 541 responses", () => {
  const results = items.map((item, i) => ({
    item,
    response: responses[i]!,
    judgement: judgeInstructions({ ...item, response: responses[i]! }, models),
  }));
  const right = findScore(
    scoreResults(new Registry([plugin, rules]).create("benchmark", "ifeval"), results),
    "instruction/strict",
  )!;
  if (Math.round(right.value! * right.scored) !== 698) throw new Error("wrong verdicts"); // correctness first
});
