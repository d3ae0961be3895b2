/**
 * Endpoint `recorded`: answers from a file, to score what someone else generated.
 *
 * Rows of JSON lines (or one JSON array) with `response` (or `output`, `text`, `generated`) and, to find it by, `id` (or
 * `key`, `idx`) or `prompt`: the text of the last user message, as in the released IFEval responses.
 * @module
 */
import { basename } from "@std/path";
import { z } from "zod";

import { hashOfFile, readText } from "../../formats/records/rows.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { type Endpoint, lastUserText } from "../kinds/endpoint.ts";
import { failed } from "./failures.ts";

const Options = z.strictObject({
  path: z.string().min(1).describe("JSON lines with response, and id or prompt; .gz is unpacked"),
  name: z.string().optional().describe(
    "model that the answers are from, for reports; default: the file's name",
  ),
});

/** The plugin, see the module's text. */
const recorded: Plugin<"endpoint", typeof Options> = definePlugin({
  kind: "endpoint",
  name: "recorded",
  version: "1",
  description: "Answers from a file, to score what someone else generated",
  options: Options,
  create: ({ path, name }) => recordedEndpoint(path, name),
});
export default recorded;

const Row = z.object({
  id: z.union([z.string(), z.number()]).optional(),
  key: z.union([z.string(), z.number()]).optional(),
  idx: z.union([z.string(), z.number()]).optional(),
  prompt: z.string().optional(),
  response: z.string().optional(),
  output: z.string().optional(),
  text: z.string().optional(),
  generated: z.string().optional(),
});

/** The answers of a file, read at the first request. */
export function recordedEndpoint(path: string, name = basename(path)): Endpoint {
  let table: Promise<Map<string, string>> | undefined;
  return {
    model: name,
    identity: { recorded: hashOfFile(path, "recorded answers") },
    cacheable: false,
    spends: false,
    async complete({ id, messages }) {
      const prompt = lastUserText(messages);
      const answers = await (table ??= readAnswers(path));
      const text = (id === undefined ? undefined : answers.get(`id:${id}`)) ??
        answers.get(`prompt:${prompt}`);
      if (text === undefined) return failed("missing", `${path} has no answer for ${id ?? "this prompt"}`);
      return { outcome: "stop", text, promptTokens: 0, completionTokens: 0 };
    },
    close: () => Promise.resolve(),
  };
}

async function readAnswers(path: string): Promise<Map<string, string>> {
  const text = await readText(path);
  const rows = text.trimStart().startsWith("[")
    ? (parse(text, path) as unknown[]).map((row, i) => [row, `${path} row ${i}`] as const)
    : text.split("\n").map((line, i) => [line, `${path}:${i + 1}`] as const)
      .filter(([line]) => line.trim() !== "")
      .map(([line, where]) => [parse(line, where), where] as const);
  const answers = new Map<string, string>();
  for (const [raw, where] of rows) {
    const row = Row.safeParse(raw);
    const response = row.data?.response ?? row.data?.output ?? row.data?.text ?? row.data?.generated;
    const id = row.data?.id ?? row.data?.key ?? row.data?.idx;
    if (response === undefined || (id === undefined && row.data?.prompt === undefined)) {
      throw new SyntaxError(
        `Cannot read ${where} as a recorded answer: it needs response, and id or prompt` +
          (row.success ? "" : ` (${row.error.issues[0]!.path.join(".")}: ${row.error.issues[0]!.message})`),
      );
    }
    const keys = [
      id !== undefined && `id:${id}`,
      row.data?.prompt !== undefined && `prompt:${row.data.prompt}`,
    ];
    for (const key of keys) {
      if (!key) continue;
      const before = answers.get(key);
      if (before !== undefined && before !== response) {
        throw new RangeError(
          `Cannot read ${where} as a recorded answer: ${key.slice(0, 80)} has another answer above`,
        );
      }
      answers.set(key, response);
    }
  }
  return answers;
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`Cannot read ${where} as JSON: ${(error as Error).message}`);
  }
}
