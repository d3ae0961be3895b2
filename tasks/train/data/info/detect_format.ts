/**
 * The format of a data file that no entry of dataset_info.json describes, by the fields of its first record.
 * @module
 */
import { join, parse } from "@std/path";

import { readRecords } from "../../../../formats/records/read_files.ts";
import type { ExampleShape } from "../../../../plugins/kinds/dataset.ts";
import { shortList } from "./short_list.ts";
import { otherToolsHint } from "./other_tools.ts";

/**
 * Name of the dataset plugin whose records look like those of a file.
 * @throws {RangeError} If none does, or there is no record
 */
export async function detectFormat(files: readonly string[], shape: ExampleShape): Promise<string> {
  for (const file of files) {
    for await (const [first] of readRecords(file)) {
      if (first === undefined) break;
      const format = formatOf(first.value, shape);
      if (format !== undefined) return format;
      const fields = typeof first.value === "object" && first.value !== null ? Object.keys(first.value) : [];
      const wayIn = otherToolsHint(fields, shape) ||
        entryFor(file, shape);
      throw new RangeError(
        `Cannot tell the format of ${file}: its first record has ${
          shortList(fields) || "no fields"
        }. ${wayIn}`,
      );
    }
  }
  throw new RangeError(`Cannot tell the format of ${files.join(", ")}: there is no record in it`);
}

/** Columns that a shape needs, by the format that has them. */
const COLUMNS: Readonly<Record<ExampleShape, readonly [format: string, columns: readonly string[]]>> = {
  text: ["trl", ["text"]],
  single: ["alpaca", ["prompt", "response"]],
  pair: ["alpaca", ["prompt", "chosen", "rejected"]],
  kto: ["alpaca", ["prompt", "response", "kto_tag"]],
  iopo: ["quads", ["x1", "y1", "x2", "y2"]],
  prompt: ["rows", ["prompt", "constraints"]],
};

/** An entry to write for a file whose fields no format knows. */
function entryFor(file: string, shape: ExampleShape): string {
  const [format, columns] = COLUMNS[shape];
  const { dir, name, base } = parse(file);
  const names = columns.map((column) => `"${column}": "<field>"`).join(", ");
  const entry = `{${JSON.stringify(name)}: {"file_name": ${
    JSON.stringify(base)
  }, "formatting": "${format}", ${shape === "pair" ? '"ranking": true, ' : ""}"columns": {${names}}}}`;
  return `Write ${
    join(dir, "dataset_info.json")
  } with ${entry}, its fields' names for <field>, and train with ` +
    `dataset: ${name} and dataset_dir: ${dir || "."} (docs/datasets.md)`;
}

/** The format of one record; undefined if it looks like none. */
export function formatOf(record: unknown, shape: ExampleShape): string | undefined {
  if (typeof record !== "object" || record === null) return undefined;
  const has = (...names: string[]) => names.every((name) => Object.hasOwn(record, name));
  const field = (name: string): unknown => (record as Record<string, unknown>)[name];
  const isMessage = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
  if (shape === "prompt") return has("prompt") || has("messages") ? "rows" : undefined;
  if (has("x1", "y1", "x2", "y2")) return "quads";
  // the answers of LLaMA-Factory's own preference rows are single messages beside the conversation
  const besideTalk = isMessage(field("chosen")) || isMessage(field("rejected"));
  // rows for both: a stage that needs no preference takes the conversation
  const isTalk = shape === "single" || !has("chosen") || besideTalk;
  if (has("messages") && isTalk) return "openai";
  if (has("conversations") && isTalk) return "sharegpt";
  if (has("instruction")) return "alpaca";
  const hasPrompt = has("prompt") || typeof field("chosen") !== "string" ||
    /Human:/.test(field("chosen") as string);
  if (has("chosen", "rejected") && hasPrompt || has("prompt", "completion")) return "trl";
  return has("text") && shape === "text" ? "trl" : undefined;
}
