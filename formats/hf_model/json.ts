/**
 * JSON files of a model directory.
 * @module
 */
import { notTheFile } from "../not_the_file.ts";

/**
 * Reads a JSON object.
 * @throws {SyntaxError} If the file isn't one; names it.
 * @throws {Deno.errors.NotFound} If there is none.
 */
export function readJsonFile(path: string): Record<string, unknown> {
  const text = Deno.readTextFileSync(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`Cannot read ${path} as JSON: ${notTheFile(text) ?? (error as Error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const kind = value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
    throw new SyntaxError(`Cannot read ${path}: it holds ${kind}, not an object`);
  }
  return value as Record<string, unknown>;
}

/** A JSON text as Python's `json.dumps(value, indent=2, sort_keys=True)` lays it out, with a newline at the end. */
export function toSortedJson(value: unknown): string {
  return JSON.stringify(sorted(value), null, 2) + "\n";
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  entries.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
