/**
 * Reads TRACE rows.
 * @module
 */
import { z } from "zod";

import { readRows } from "../../../formats/records/rows.ts";
import type { BenchmarkItem } from "../../kinds/benchmark.ts";
import { traceGroups } from "./taxonomy.ts";

const Row = z.object({
  id: z.union([z.string(), z.int()]).transform(String),
  messages: z.array(z.object({ role: z.enum(["system", "user", "assistant"]), content: z.string() })).min(1),
  description: z.string(),
  constraints: z.string(),
  input: z.string(),
  constraints_splits: z.array(z.string().min(1)).min(1),
  levels2: z.array(z.string()),
  category: z.string().optional(),
}).refine((row) => row.levels2.length === row.constraints_splits.length, {
  error: "must have as many entries as constraints_splits",
  path: ["levels2"],
});

/** The released data's marker of an empty input. */
const NO_INPUT = "NULL";

/**
 * Items of TRACE, one at a time; fields `query` (description, and the input where there is one) and `constraints` for the judge.
 *
 * @param path Rows in the released format; undefined: the 1,042 that come along.
 * @throws {SyntaxError} If a row isn't in the released format: names the row and the field.
 * @throws {RangeError} If two rows have the same id, or there is none.
 */
export async function* readTraceItems(path?: string): AsyncGenerator<BenchmarkItem> {
  const file = path ?? new URL("../../../fixtures/trace/trace_eval.jsonl.gz", import.meta.url);
  for await (const row of readRows(file, Row, (row) => row.id)) {
    const constraints = row.constraints_splits.map((text, i) => ({
      text,
      groups: { ...traceGroups(row.levels2[i] ?? "") },
    }));
    yield {
      id: row.id,
      messages: row.messages,
      constraints,
      groups: {
        constraints: String(constraints.length),
        ...(row.category === undefined ? {} : { category: row.category }),
      },
      fields: {
        query: row.input === NO_INPUT ? row.description : `${row.description}\n# Inputs:\n${row.input}`,
        constraints: row.constraints,
      },
    };
  }
}
