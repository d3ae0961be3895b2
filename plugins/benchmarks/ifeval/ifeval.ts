/**
 * Benchmark `ifeval`: 541 English prompts with 834 instructions of 25 kinds, each decided by a fixed check, on the
 * response as it is (strict) and on the best of eight variants (loose).
 *
 * Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models", arXiv 2311.07911. Data: Google
 * Research, Apache-2.0, see data/SOURCE.md.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../../kinds/plugin.ts";
import type { Verdict } from "../../kinds/judgement.ts";
import { readRows } from "../../../formats/records/rows.ts";
import type { BenchmarkItem, BenchmarkResult, Contribution } from "../../kinds/benchmark.ts";
import { allReach } from "../../kinds/all_reach.ts";
import { checkByJudge } from "../check_by_judge.ts";
import { contribute } from "../scores.ts";

const Options = z.strictObject({
  path: z.string().optional().describe(
    "rows in the released format; default: the 541 prompts that come along",
  ),
});

const Row = z.object({
  key: z.union([z.int(), z.string()]).transform(String),
  prompt: z.string().min(1),
  instruction_id_list: z.array(z.string()).min(1),
  kwargs: z.array(z.record(z.string(), z.unknown())),
}).refine((row) => row.kwargs.length === row.instruction_id_list.length, {
  error: "must have as many entries as instruction_id_list",
  path: ["kwargs"],
});

/** The plugin, see the module's text. */
const ifeval: Plugin<"benchmark", typeof Options> = definePlugin({
  kind: "benchmark",
  name: "ifeval",
  version: "1",
  description: "IFEval: 25 kinds of verifiable instructions, strict and loose, decided by rules",
  options: Options,
  create({ path }, { registry }) {
    const rules = registry.create("judge", "ifeval_rules");
    return {
      async *items() {
        yield* await readIfevalItems(path);
      },
      check: (item, response) => checkByJudge(rules, item, response),
      contributions: ifevalContributions,
    };
  },
});
export default ifeval;

/**
 * Reads IFEval rows.
 *
 * @throws {SyntaxError} If a row isn't in the released format: names the row and the field.
 * @throws {RangeError} If keys repeat.
 */
export async function readIfevalItems(path?: string): Promise<BenchmarkItem[]> {
  const file = path ?? new URL("data/input_data.jsonl", import.meta.url);
  const rows = await Array.fromAsync(readRows(file, Row, (row) => row.key));
  return rows.map((row) => ({
    id: row.key,
    messages: [{ role: "user", content: row.prompt }],
    constraints: row.instruction_id_list.map((id, i) => ({
      text: id,
      rule: { id, kwargs: row.kwargs[i] ?? {} },
      groups: { family: id.replace(/:.*$/s, ""), instruction: id },
    })),
    groups: { instructions: String(row.instruction_id_list.length) },
    fields: { prompt: row.prompt },
  }));
}

/** `prompt/*` and `instruction/*`, strict and loose; instructions also by family and by id. */
function ifevalContributions({ item, judgement }: BenchmarkResult): Contribution[] {
  const none: Verdict = { score: null, reason: "no response" };
  const missing = item.constraints.map(() => none);
  const byReading: Record<string, Verdict[]> = {
    strict: judgement?.constraints ?? missing,
    loose: judgement?.readings?.["loose"] ?? missing,
  };
  return Object.entries(byReading).flatMap(([reading, verdicts]) => [
    ...contribute(`prompt/${reading}`, [allReach(verdicts)]),
    ...contribute(`instruction/${reading}`, verdicts),
    ...item.constraints.flatMap(({ groups }, i) =>
      Object.entries(groups).flatMap(([by, name]) =>
        contribute(`instruction/${reading}`, [verdicts[i] ?? none], { by, name })
      )
    ),
  ]);
}
