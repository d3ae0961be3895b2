/** Recorded answers of GPT-4 to IFEval, as others' programs wrote them down: the scores are the same. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";

import { readText } from "../../formats/records/rows.ts";
import { parseYaml } from "../../formats/yaml/yaml.ts";
import { findScore } from "../../plugins/benchmarks/scores.ts";
import { inFolder, runConfig } from "../../tests/helpers/evaluation_run.ts";
import { resolveEvalConfig } from "./config/config.ts";

const ANSWERS = new URL("../../fixtures/ifeval/gpt4_responses.jsonl.gz", import.meta.url);
const ITEMS = 20;

interface Row {
  prompt: string;
  response: string;
}

Deno.test("evaluate() scores recorded answers alike with a thought in front, with others' row numbers and in others' files", async () => {
  const rows: Row[] = (await readText(ANSWERS)).trim().split("\n").slice(0, ITEMS).map((line) =>
    JSON.parse(line)
  );
  const files: Record<string, unknown[]> = {
    plain: rows,
    thought: rows.map(({ prompt, response }) => ({
      prompt,
      response: `<think>I should answer this carefully.</think>\n\n${response}`,
    })),
    "closing tag alone": rows.map(({ prompt, response }) => ({
      prompt,
      response: `Let me see.\n</think>\n${response}`,
    })),
    // IFEval's keys are other numbers, and some of them are small
    numbered: rows.map((row, idx) => ({ idx, ...row })),
    samples: rows.map(({ prompt, response }, doc_id) => ({ doc_id, doc: { prompt }, resps: [[response]] })),
    order: rows.map(({ response }) => response),
  };
  const scores: Record<string, unknown> = {};
  await inFolder(async (folder) => {
    for (const [name, list] of Object.entries(files)) {
      await Deno.writeTextFile(
        join(folder, "answers.jsonl"),
        list.map((row) => JSON.stringify(row)).join("\n"),
      );
      const text =
        `evaluator: {type: ifeval, model: {type: recorded, args: {path: answers.jsonl}}, cache: false}`;
      const { config } = resolveEvalConfig(parseYaml(text, join(folder, "eval.yaml")), [
        `out_dir=${join(folder, "run")}`,
        `max_samples=${ITEMS}`,
        "overwrite=true",
        "resamples=100",
      ]);
      for (const stage of ["generate", "judge"] as const) await runConfig(config, { stage });
      const { results } = await runConfig(config, { stage: "score" });
      const value = (metric: string) => findScore(results!.scores, metric)?.value;
      scores[name] = [value("prompt/strict"), value("instruction/strict"), value("prompt/loose")];
      assertEquals(results!.counts.thoughts, /thought|tag/.test(name) ? ITEMS : 0, name);
    }
  });
  for (const [name, found] of Object.entries(scores)) assertEquals(found, scores["plain"], name);
});
