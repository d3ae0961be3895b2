/**
 * Scores of whole runs, by every group, beside those that fixtures/goldens/evaluations worked out from the same replies of the judge: entries
 * that are left out, refusals, items that the judge or the model couldn't be asked about.
 */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { join } from "@std/path";

import { parseYaml } from "../../formats/yaml/yaml.ts";
import { inFolder, runConfig } from "../../tests/helpers/evaluation_run.ts";
import { errorResponse } from "../../tests/helpers/mocked_judge.ts";
import { completionResponse, mockServer } from "../bench/eval/mock_server.ts";
import { resolveEvalConfig } from "./config/config.ts";
import type { EvalResults } from "./results/results.ts";

/** Name, group, value over what was scored, value over all, both weights. */
type Golden = [
  metric: string,
  by: string,
  name: string,
  value: number | null,
  ofAll: number | null,
  scored: number,
  unscored: number,
];

interface Row {
  /** CFBench's. */
  prompt?: string;
  /** TRACE's. */
  messages?: { content: string }[];
  answered: boolean;
  /** Null: the judge can't be asked. */
  reply: string | null;
}

const read = (name: string) =>
  JSON.parse(
    Deno.readTextFileSync(new URL(`../../fixtures/goldens/evaluations/${name}.json`, import.meta.url)),
  );

/** The results of a run over the rows, whose judge writes their replies. */
async function resultsOf(type: string, rows: readonly Row[], args: string): Promise<EvalResults> {
  const asked = new Map(rows.map((row, i) => [row.prompt ?? row.messages!.at(-1)!.content, i]));
  let results: EvalResults | null = null;
  await inFolder(async (folder) => {
    await Deno.writeTextFile(
      join(folder, "rows.jsonl"),
      rows.map((row) => JSON.stringify(row) + "\n").join(""),
    );
    await using server = mockServer({
      respond: ({ body }) => {
        const text = body.messages.at(-1)!.content, judged = /answer of row (\d+)\./.exec(text)?.[1];
        const i = judged === undefined ? asked.get(text)! : Number(judged), { answered, reply } = rows[i]!;
        const said = judged === undefined ? answered ? `The answer of row ${i}.` : null : reply;
        return said === null ? errorResponse(400, "this one isn't taken") : completionResponse(said);
      },
    });
    const party = (name: string) =>
      `{type: openai, args: {name: ${name}, api_base: "${server.base}", key: none}}`;
    const text = `evaluator:
  type: ${type}
  args: {path: rows.jsonl, rounds: 1${args}}
  model: ${party("writer")}
  evaluator_llm: ${party("grader")}
  out_dir: run
  cache: false
  resamples: 100
`;
    const { config } = resolveEvalConfig(parseYaml(text, join(folder, "eval.yaml")), [
      `out_dir=${join(folder, "run")}`,
    ]);
    results = (await runConfig(config)).results;
  });
  return results!;
}

function compare({ scores }: EvalResults, golden: readonly Golden[]): void {
  const found = new Map(
    scores.map((
      score,
    ) => [JSON.stringify([score.metric, score.group?.by ?? "", score.group?.name ?? ""]), score]),
  );
  assertEquals([...found.keys()].sort(), golden.map((row) => JSON.stringify(row.slice(0, 3))).sort());
  for (const [metric, by, name, value, ofAll, scored, unscored] of golden) {
    const score = found.get(JSON.stringify([metric, by, name]))!, at = `${metric} ${by} ${name}`;
    for (const [own, other] of [[score.value, value], [score.ofAll, ofAll]] as const) {
      if (own === null || other === null) assertEquals(own, other, at);
      else assertAlmostEquals(own, other, 1e-12, at);
    }
    assertAlmostEquals(score.scored, scored, 1e-9, at);
    assertAlmostEquals(score.unscored, unscored, 1e-9, at);
  }
}

Deno.test("TRACE's scores by type, dimension, category and number are those worked out from the same replies", async () => {
  const { rows, scores } = read("trace");
  const results = await resultsOf("trace", rows, "");
  compare(results, scores);
  const all = (wanted: (row: Row) => boolean) => rows.filter(wanted).length;
  assertEquals(
    [results.counts.items, results.counts.answered, results.counts.judged],
    [rows.length, all((row) => row.answered), all((row) => row.reply !== null)],
  );
  assertEquals(results.complete, false);
});

for (const mode of ["fixed", "upstream"] as const) {
  Deno.test(`CFBench's scores by split, priority and type are those worked out from the same replies, mode ${mode}`, async () => {
    const golden = read("cfbench");
    const results = await resultsOf("cfbench", golden.rows, `, mode: ${mode}`);
    compare(results, golden[mode]);
    assert(results.counts.judged < results.counts.answered && results.counts.answered < results.counts.items);
  });
}
