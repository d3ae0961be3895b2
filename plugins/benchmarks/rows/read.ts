/**
 * Reads instructions with constraints, JSON lines or a JSON list, without holding the file in memory.
 * @module
 */
import { z } from "zod";

import { readRows } from "../../../formats/records/rows.ts";
import type { BenchmarkItem } from "../../kinds/benchmark.ts";
import { ConstraintOfRow, TextsOfRow } from "../../kinds/constraint_rows.ts";

const Row = z.object({
  id: z.union([z.string().min(1), z.number()]).transform(String),
  messages: z.array(z.object({ role: z.enum(["system", "user", "assistant"]), content: z.string() })).min(1)
    .optional(),
  prompt: z.string().min(1).optional(),
  constraints: z.array(ConstraintOfRow).min(1),
  groups: TextsOfRow.default({}),
  fields: TextsOfRow.default({}),
}).refine((row) => (row.messages === undefined) !== (row.prompt === undefined), {
  error: "give messages or prompt, one of the two",
  path: ["messages"],
}).refine((row) => row.messages === undefined || row.messages.at(-1)?.role === "user", {
  error: "must end with a user turn",
  path: ["messages"],
});

/**
 * Items of JSON lines, or of one JSON list: `id`, `messages` (or `prompt`), `constraints` (texts, or `{text, rule, groups}`), `groups`,
 * `fields`. `.gz` is unpacked. Each constraint is grouped by its rule too.
 *
 * @throws {SyntaxError} If something isn't JSON or a row isn't what is needed: names file, line, row and field.
 * @throws {RangeError} If two rows have the same id, or there is none.
 */
export async function* readRowItems(file: string | URL): AsyncGenerator<BenchmarkItem> {
  for await (const { id, messages, prompt, constraints, groups, fields } of readRows(file, Row, rowId)) {
    yield {
      id,
      messages: messages ?? [{ role: "user", content: prompt! }],
      constraints,
      groups,
      fields,
    };
  }
}

const rowId = ({ id }: z.output<typeof Row>): string => id;
