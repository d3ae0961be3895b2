/**
 * Values of parquet files as JSON would have them.
 * @module
 */
import type { ParquetParsers, SchemaTree } from "hyparquet";

import { floatRepr, type PyJson, PyNumber } from "../python_json.ts";
import { keepExact } from "./exact_json.ts";
import { isoDate, isoText } from "./iso_text.ts";
import { jsonCell } from "./json_cell.ts";

/**
 * Timestamps and dates as ISO 8601 texts; digits behind the milliseconds are written where there are any. Bytes that are no UTF-8
 * stay bytes, so that they are refused as a text.
 */
export const parquetParsers: Partial<ParquetParsers> = {
  stringFromBytes: (bytes) => {
    try {
      return bytes && decoder.decode(bytes);
    } catch {
      return bytes;
    }
  },
  timestampFromMilliseconds: (count) => isoText(BigInt(count), 1_000n),
  timestampFromMicroseconds: (count) => isoText(BigInt(count), 1_000_000n),
  timestampFromNanoseconds: (count) => isoText(BigInt(count), 1_000_000_000n),
  dateFromDays: (days) => isoDate(BigInt(days)),
  jsonFromBytes: (bytes) => bytes && new JsonBytes(bytes),
};

/** JSON's text, which the library's own reader would round the numbers of. */
class JsonBytes {
  constructor(readonly bytes: Uint8Array) {}
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A record without bigints and undefined.
 * @param columns Schema of the record's columns; where it has floats in lists or objects, their exact values are kept as in
 * {@linkcode keepExact}
 */
export function plainRecord(
  record: Readonly<Record<string, unknown>>,
  columns: readonly SchemaTree[],
): Record<string, unknown> {
  const plain = plainValue(record) as Record<string, unknown>;
  for (const column of columns) {
    const name = column.element.name;
    if (column.children.length > 0 && hasNumbers(column)) {
      keepExact(plain[name], exactOf(record[name], column));
    }
  }
  return plain;
}

/** Null for what isn't there, numbers for 64-bit integers; what a text or flag needs is no number, so that rounded ones do no harm. */
function plainValue(value: unknown): unknown {
  if (value === undefined) return null;
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(plainValue);
  if (value instanceof JsonBytes) return jsonCell(value.bytes).value;
  if (!isStruct(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plainValue(inner)]));
}

function isStruct(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function hasNumbers({ element, children }: SchemaTree): boolean {
  return isFloat(element) || element.type === "INT64" || element.converted_type === "JSON" ||
    children.some(hasNumbers);
}

function isFloat({ type, logical_type }: SchemaTree["element"]): boolean {
  return type === "FLOAT" || type === "DOUBLE" || logical_type?.type === "FLOAT16";
}

function exactOf(value: unknown, node: SchemaTree): PyJson {
  const { element, children } = node;
  if (value === undefined || value === null) return null;
  if (Array.isArray(value)) {
    const [inner = node] = children;
    // lists have a level of their own, unless an old writer left it out
    const [only] = inner.children;
    const items = children.length > 0 && inner.children.length === 1 && only !== undefined ? only : inner;
    return value.map((each) => exactOf(each, items));
  }
  if (isStruct(value)) {
    if (element.converted_type === "MAP") {
      const [, inner = node] = children[0]?.children ?? [];
      return new Map(Object.entries(value).map(([key, item]) => [key, exactOf(item, inner)]));
    }
    return new Map(children.map((child) => [child.element.name, exactOf(value[child.element.name], child)]));
  }
  if (value instanceof JsonBytes) return jsonCell(value.bytes).exact();
  if (typeof value === "bigint") return new PyNumber(String(value));
  if (typeof value === "number") {
    return new PyNumber(isFloat(element) ? Number.isNaN(value) ? "NaN" : floatRepr(value) : String(value));
  }
  return typeof value === "boolean" ? value : String(value);
}
