/**
 * Benchmarks whose prompts name instructions by id with arguments, decided by rules, strict and loose: IFEval and IFBench.
 * @module
 */
import { z } from "zod";

import { readRows } from "../../formats/records/rows.ts";
import { allReach } from "../kinds/all_reach.ts";
import type { BenchmarkItem, BenchmarkResult, Contribution } from "../kinds/benchmark.ts";
import type { Verdict } from "../kinds/judgement.ts";
import { contribute } from "./scores.ts";

const Row = z.object({
  key: z.union([z.int(), z.string()]).transform(String),
  prompt: z.string().min(1),
  instruction_id_list: z.array(z.string()).min(1),
  kwargs: z.array(z.record(z.string(), z.unknown())),
}).refine((row) => row.kwargs.length === row.instruction_id_list.length, {
  error: "must have as many entries as instruction_id_list",
  path: ["kwargs"],
});

/**
 * Reads rows in IFEval's released format; arguments that are null aren't given.
 *
 * @throws {SyntaxError} If a row isn't in the released format: names the row and the field.
 * @throws {RangeError} If keys repeat.
 */
export async function readInstructionItems(file: string | URL): Promise<BenchmarkItem[]> {
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
export function instructionContributions({ item, judgement }: BenchmarkResult): Contribution[] {
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
