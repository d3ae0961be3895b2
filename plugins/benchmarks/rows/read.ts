/**
 * Reads instructions with constraints, one JSON object a line, without holding the file in memory.
 * @module
 */
import { z } from "zod";

import type { BenchmarkItem } from "../benchmark.ts";

const Rule = z.strictObject({
  id: z.string().min(1),
  kwargs: z.record(z.string(), z.unknown()).default({}),
});

const Constraint = z.union([
  z.string().min(1).transform((text) => ({ text })),
  z.strictObject({
    text: z.string().min(1),
    rule: Rule.optional(),
    groups: z.record(z.string(), z.string()).default({}),
  }),
]);

const Row = z.object({
  id: z.union([z.string().min(1), z.number()]).transform(String),
  messages: z.array(z.object({ role: z.enum(["system", "user", "assistant"]), content: z.string() })).min(1)
    .optional(),
  prompt: z.string().min(1).optional(),
  constraints: z.array(Constraint).min(1),
  groups: z.record(z.string(), z.string()).default({}),
  fields: z.record(z.string(), z.string()).default({}),
}).refine((row) => (row.messages === undefined) !== (row.prompt === undefined), {
  error: "give messages or prompt, one of the two",
  path: ["messages"],
}).refine((row) => row.messages === undefined || row.messages.at(-1)?.role === "user", {
  error: "must end with a user turn",
  path: ["messages"],
});

/**
 * Items of a JSON-lines file: `id`, `messages` (or `prompt`), `constraints` (texts, or `{text, rule, groups}`), `groups`,
 * `fields`. `.gz` is unpacked. Each constraint is grouped by its rule too.
 *
 * @throws {SyntaxError} If a line isn't JSON or a row isn't what is needed: names file, line and field.
 * @throws {RangeError} If two rows have the same id, or there is none.
 */
export async function* readRowItems(file: string | URL): AsyncGenerator<BenchmarkItem> {
  const name = file instanceof URL ? file.pathname.split("/").at(-1)! : file;
  const seen = new Map<string, number>();
  let line = 0;
  for await (const text of linesOf(file, name)) {
    line++;
    if (text.trim() === "") continue;
    const item = rowItem(text, `${name}:${line}`);
    const before = seen.get(item.id);
    if (before !== undefined) {
      throw new RangeError(
        `Cannot read ${name} as rows with unique ids: current value is "${item.id}" in lines ${before} and ${line}`,
      );
    }
    seen.set(item.id, line);
    yield item;
  }
  if (seen.size === 0) {
    throw new RangeError(`Cannot read ${name} as benchmark rows: current value is an empty file`);
  }
}

function rowItem(text: string, where: string): BenchmarkItem {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`Cannot read ${where} as JSON: ${(error as Error).message}`);
  }
  const parsed = Row.safeParse(raw);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new SyntaxError(
      `Cannot read ${where} as a benchmark row: ${path.join(".") || "the row"}: ${message}`,
    );
  }
  const { id, messages, prompt, constraints, groups, fields } = parsed.data;
  return {
    id,
    messages: messages ?? [{ role: "user", content: prompt! }],
    constraints: constraints.map((c) => {
      const rule = "rule" in c ? c.rule : undefined;
      const own = "groups" in c ? c.groups : {};
      return {
        text: c.text,
        ...(rule !== undefined && { rule }),
        groups: { ...(rule !== undefined && { rule: rule.id }), ...own },
      };
    }),
    groups,
    fields,
  };
}

async function* linesOf(file: string | URL, name: string): AsyncGenerator<string> {
  let opened: Deno.FsFile;
  try {
    opened = await Deno.open(file);
  } catch (error) {
    throw new RangeError(`Cannot read ${name} as benchmark rows: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const bytes = name.endsWith(".gz")
    ? opened.readable.pipeThrough(new DecompressionStream("gzip"))
    : opened.readable;
  let rest = "";
  for await (const chunk of bytes.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}
