/** CFBench's reading and metrics beside the recorded judgements, where they are at hand. */
import { assert, assertEquals } from "@std/assert";
import { shared } from "../../../tests/helpers/shared_data.ts";
import type { BenchmarkItem, BenchmarkResult } from "../../kinds/benchmark.ts";
import { findScore, ScoreSums } from "../scores.ts";
import plugin, {
  cfbenchContributions,
  cfbenchMetrics,
  type CfbenchMode,
  readCfbench,
  readCfbenchItems,
} from "./cfbench.ts";
import { round2 } from "./metrics.ts";
import { Registry } from "../../registry.ts";

const RUNS =
  "abab deepseek_v2 ernie35 ernie4 glm4 gpt35_turbo_1106 gpt4_0125_preview gpt4_turbo_0409 gpt4o moonshot yi_large";

function totals(results: BenchmarkResult[], mode: CfbenchMode, split?: string): (number | null)[] {
  const sums = new ScoreSums();
  for (const result of results) sums.add(cfbenchContributions(result, mode));
  const by = split === undefined ? [] : ["split", split] as const;
  return ["CSR", "ISR", "PSR"].map((metric) => {
    const { value } = findScore(sums.scores(), metric, ...by)!;
    return value === null ? null : round2(value);
  });
}

const data = shared("data/cfbench/judge/moonshot_eval.json");

/** Rows of a recorded run with their judgements read again. */
async function recorded(run: string, mode: CfbenchMode) {
  const { path } = shared(`data/cfbench/judge/${run}_eval.json`);
  const rows = JSON.parse(Deno.readTextFileSync(path));
  const items = await Array.fromAsync(readCfbenchItems(path));
  return items.map((item, i) => {
    const row = rows[i];
    return {
      row,
      item,
      response: row.response as string,
      judgement: readCfbench(item, row.judge_response, mode),
    };
  });
}

Deno.test({
  name: `upstream mode reproduces all 60 recorded judgements and the published totals${data.why}`,
  ignore: data.ignore,
  async fn() {
    // Source: output/scores.xlsx of the released repository; row scores and metrics as recorded in each file.
    const published: Record<string, number[]> = {
      moonshot: [0.84, 0.45, 0.65],
      deepseek_v2: [0.84, 0.25, 0.75],
      yi_large: [0.76, 0.25, 0.5],
      gpt4o: [0.84, 0.25, 0.75],
      gpt4_0125_preview: [0.64, 0, 0.5],
      gpt4_turbo_0409: [0.84, 0.25, 0.75],
      gpt35_turbo_1106: [0.76, 0.25, 0.25],
      abab: [0.89, 0.5, 0.75],
      glm4: [0.84, 0.25, 0.75],
      ernie4: [0.76, 0.25, 0.5],
      ernie35: [0.84, 0.25, 0.75],
    };
    let rows = 0;
    for (const run of RUNS.split(" ")) {
      const results = await recorded(run, "upstream");
      for (const { row, item, judgement } of results) {
        rows++;
        assertEquals(judgement.listed!.map(String), row.judge_score, `${run} ${item.id}`);
        assertEquals({ complete: "1", partial: "0", none: "-1" }[judgement.reading!], row.judge_parsing);
        assertEquals(cfbenchMetrics(item, judgement, "upstream"), row.judge_metric, `${run} ${item.id}`);
      }
      assertEquals(totals(results, "upstream"), published[run]!, run);
      if (run === "moonshot") {
        assertEquals(totals(results, "upstream", "easy"), [0.97, 0.8, 1]);
        assertEquals(totals(results, "upstream", "hard"), [0.8, 0.33, 0.53]);
      }
    }
    assertEquals(rows, 60);
  },
});

Deno.test({
  name: `fixed mode keeps the zeros that the released code lost${data.why}`,
  ignore: data.ignore,
  async fn() {
    const results = await recorded("moonshot", "fixed");
    // Judge's text of row 5: 8 entries, zeros at 2 and 7; of row 10: 9 entries, zeros at 1 and 7 (counted by eye).
    const scores = (id: string) =>
      results.find((r) => r.item.id === id)!.judgement.constraints.map((v) => v.score);
    assertEquals(scores("5"), [1, 0, 1, 1, 1, 1, 0, 1]);
    assertEquals(scores("10"), [0, 1, 1, 1, 1, 1, 0, 1, 1]);
    assert(results.every((r) => r.judgement.reading === "complete"));
  },
});

const whole = shared("data/cfbench/cfbench_data.json");

Deno.test({
  name: `reads the 1,000 rows with 4,237 criteria${whole.why}`,
  ignore: whole.ignore,
  async fn() {
    const items: BenchmarkItem[] = [];
    for await (
      const one of new Registry([plugin]).create("benchmark", "cfbench", {
        path: whole.path,
        mode: "fixed",
        rounds: 10,
      }).items()
    ) {
      items.push(one);
    }
    const criteria = items.flatMap((i) => i.constraints);
    assertEquals([items.length, items.filter((i) => i.groups["split"] === "easy").length], [1000, 500]);
    assertEquals([criteria.length, criteria.filter((c) => c.groups["priority"] === "primary").length], [
      4237,
      1835,
    ]);
  },
});
