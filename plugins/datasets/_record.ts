/**
 * Readers that the dataset plugins share: fields of a record that may hold anything at all.
 * @module
 */
import { PyNumber } from "../../formats/python_json.ts";
import { exactValue } from "../../formats/records/exact_json.ts";
import type { DatasetAttributes, Message } from "../kinds/dataset.ts";

/** Longest text that is taken, in UTF-16 units; beyond it tokenising one record could take minutes. */
const MAX_TEXT = 10_000_000;

/** A fault of the record, thrown inside a plugin; it becomes the reason why the record is dropped. */
export class RecordFault extends Error {
  /** A reason and the field at fault. */
  constructor(readonly reason: string, readonly field: string) {
    super(reason);
  }
}

/** The record as an object. @throws {RecordFault} If it is a list, null or no object */
export function asRecord(record: unknown): Record<string, unknown> {
  if (typeof record !== "object" || record === null || Array.isArray(record)) {
    throw new RecordFault("record is not an object", "");
  }
  return record as Record<string, unknown>;
}

/** Own property of an object, so that `__proto__` or `constructor` in a column name finds nothing. */
export function own(record: object, key: string): unknown {
  return Object.hasOwn(record, key) ? (record as Record<string, unknown>)[key] : undefined;
}

/**
 * A text that must be there; "" is a text.
 * @throws {RecordFault} If there is none, it isn't text, is too long or has a lone surrogate
 */
export function requiredText(value: unknown, what: string, field: string): string {
  if (value === undefined || value === null) throw new RecordFault(`${what} is missing`, field);
  if (typeof value !== "string") throw new RecordFault(`${what} is not text`, field);
  if (value.length > MAX_TEXT) throw new RecordFault(`${what} is longer than ${MAX_TEXT} characters`, field);
  if (!value.isWellFormed()) throw new RecordFault(`${what} has broken Unicode (a lone surrogate)`, field);
  return value;
}

/** A text that may be absent or null, which gives "". @throws {RecordFault} As {@linkcode requiredText} of any other value */
export function optionalText(value: unknown, what: string, field: string): string {
  return value === undefined || value === null ? "" : requiredText(value, what, field);
}

/**
 * System text and tools of a record, and that it has no images, videos or audio.
 * @throws {RecordFault} If it has one of them, or its system text or tools aren't what they must be
 */
export function extras(
  record: Record<string, unknown>,
  { columns }: DatasetAttributes,
): { system: string; tools: string } {
  for (const media of ["images", "videos", "audios"]) {
    const column = columns[media];
    const value = column ? own(record, column) : undefined;
    if (
      value !== undefined && value !== null && value !== "" && !(Array.isArray(value) && value.length === 0)
    ) {
      throw new RecordFault(`record has ${media}, which are not supported`, column!);
    }
  }
  const system = columns.system ? optionalText(own(record, columns.system), "system", columns.system) : "";
  const tools = columns.tools ? toolsText(own(record, columns.tools), columns.tools) : "";
  return { system, tools };
}

/** Tools as JSON text; lists and objects are written as Python's `json.dumps` does. */
function toolsText(value: unknown, field: string): string {
  return typeof value === "object" && value !== null
    ? pythonJson(value, "tools", field)
    : optionalText(value, "tools", field);
}

/**
 * JSON as Python's `json.dumps(value, ensure_ascii=False)`: a space behind each comma and colon, `1.0` where the file has that.
 * @throws {RecordFault} If it is nested more than 200 deep, has no JSON, or a text of it or the whole is too long or has a lone surrogate
 */
export function pythonJson(value: unknown, what: string, field: string): string {
  let written: string;
  try {
    written = dump(value, 0);
  } catch (error) {
    if (error instanceof RecordFault) throw error;
    throw new RecordFault(`${what} cannot be written as JSON`, field);
  }
  return requiredText(written, what, field);

  function dump(given: unknown, depth: number): string {
    if (depth > 200) throw new RecordFault(`${what} is nested more than 200 deep`, field);
    const value = typeof given === "object" && given !== null ? exactValue(given) ?? given : given;
    if (value instanceof PyNumber) return value.text;
    if (Array.isArray(value)) return `[${value.map((x) => dump(x, depth + 1)).join(", ")}]`;
    if (typeof value === "object" && value !== null) {
      const entries = value instanceof Map ? [...value] : Object.entries(value);
      return `{${entries.map(([k, v]) => `${JSON.stringify(k)}: ${dump(v, depth + 1)}`).join(", ")}}`;
    }
    // JSON.stringify would escape a lone surrogate and hide it
    if (typeof value === "string") requiredText(value, what, field);
    return JSON.stringify(value) ?? "null";
  }
}

/**
 * Throws where one answer is wanted and several are given.
 * @throws {RecordFault} If it is a list of texts, or of lists
 */
export function refuseSeveral(value: unknown, what: string, field: string): void {
  if (!Array.isArray(value) || !value.some((each) => typeof each !== "object" || Array.isArray(each))) return;
  throw new RecordFault(`${what} is a list of answers (write a row for each)`, field);
}

/** A kto tag: true or false, or these words as text (CSV). */
export function ktoTag(record: Record<string, unknown>, attributes: DatasetAttributes): boolean {
  return flagOf(record, attributes, { words: ["false", "true"], needed: "true or false" });
}

/** As {@linkcode ktoTag}, and by the numbers of a class label (`datasets`' feature `ClassLabel`): 1 is desirable, whatever its classes are called. */
export function classLabel(record: Record<string, unknown>, attributes: DatasetAttributes): boolean {
  const words = ["false", "true", "0", "1"], needed = "true or false (1 or 0)";
  return flagOf(record, attributes, { words, needed });
}

/** @param words Of false and true in turn */
function flagOf(
  record: Record<string, unknown>,
  { columns }: DatasetAttributes,
  { words, needed }: { words: readonly string[]; needed: string },
): boolean {
  const column = columns.kto_tag ?? "kto_tag", value = own(record, column);
  if (value === undefined || value === null) throw new RecordFault("kto tag is missing", column);
  const word = ["boolean", "string", "number", "bigint"].includes(typeof value)
    ? words.indexOf(String(value).toLowerCase())
    : -1;
  if (word < 0) throw new RecordFault(`kto tag is not ${needed}`, column);
  return word % 2 === 1;
}

/** An assistant's message. */
export function assistant(content: string): Message {
  return { role: "assistant", content };
}
