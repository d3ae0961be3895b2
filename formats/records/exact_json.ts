/**
 * Losses of a record in JavaScript's values: `1.0` is 1 in it, long whole numbers are rounded, and keys such as "10" stand first.
 * Tool definitions and calls are written into training texts as Python's json has them, so the exact value of such a record's
 * lists and objects is kept beside it.
 * @module
 */
import { checkJsonDepth, parsePyJson, type PyJson, PyNumber } from "../python_json.ts";

const exact = new WeakMap<object, PyJson>();

/** A number that JavaScript writes otherwise (-0, 1.0, 1e3, 0.00001, NaN, 16 digits), or a key that it moves to the front. */
const LOSES =
  /[:,[]\s*(?:-0|-?(?:\d+\.\d*0|\d+(?:\.\d+)?[eE][-+]?\d+|0\.0000\d+|\d{16,}(?:\.\d+)?|Infinity)|NaN)\s*[,\]}]|[{,]\s*"(?:0|[1-9]\d*)"\s*:/;

/**
 * Keeps what a value loses of its text.
 * @param text JSON
 * @param value `JSON.parse(text)`
 */
export function keepExactText(text: string, value: unknown): void {
  if (!LOSES.test(text)) return;
  let read: PyJson;
  try {
    read = parsePyJson(text);
  } catch {
    return; // nested too deep to be written as tools or calls, which is refused where that is tried
  }
  keepExact(value, read);
}

/** Keeps the exact value of a list or object, and of those in it. */
export function keepExact(value: unknown, read: PyJson): void {
  if (typeof value !== "object" || value === null) return;
  exact.set(value, read);
  if (Array.isArray(read)) read.forEach((inner, i) => keepExact((value as unknown[])[i], inner));
  else if (read instanceof Map) {
    for (const [key, inner] of read) keepExact((value as Record<string, unknown>)[key], inner);
  }
}

/** The exact value of a list or object that a file's reader gave; undefined where nothing of it is lost. */
export function exactValue(value: object): PyJson | undefined {
  return exact.get(value);
}

/** A member of a list or object; a number whose text was kept is what the file has, such as NaN, 1.0 or one of 20 digits. */
export function memberAsWritten(whole: object, name: PropertyKey): unknown {
  const kept = exact.get(whole);
  const own = kept instanceof Map
    ? kept.get(String(name))
    : Array.isArray(kept)
    ? kept[Number(name)]
    : undefined;
  return own instanceof PyNumber ? own : (whole as Record<PropertyKey, unknown>)[name];
}

/** As {@linkcode exactJson}, of a member of an object: of a number too. */
export function exactMember(object: Record<string, unknown>, name: string): PyJson {
  const kept = exact.get(object), own = kept instanceof Map ? kept.get(name) : undefined;
  return own ?? exactJson(object[name]);
}

/**
 * A value of JSON with what was kept of its lists and objects; the rest as JavaScript writes it.
 * @throws {SyntaxError} If it is nested more than 500 levels deep
 */
export function exactJson(value: unknown): PyJson {
  return exactAt(value, 1);
}

function exactAt(value: unknown, depth: number): PyJson {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return parsePyJson(JSON.stringify(value) ?? "null");
  checkJsonDepth(depth);
  const kept = exact.get(value);
  if (kept !== undefined) return kept;
  if (Array.isArray(value)) return value.map((each) => exactAt(each, depth + 1));
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return new Map(entries.map(([name, each]) => [name, exactAt(each, depth + 1)]));
}
