/**
 * Values of parquet files as JSON would have them.
 * @module
 */
import type { ParquetParsers, SchemaTree } from "hyparquet";

import { floatRepr, type PyJson, PyNumber } from "../python_json.ts";
import { keepExact } from "./exact_json.ts";

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
  dateFromDays: (days) => isoText(BigInt(days) * 86_400n, 1n)?.slice(0, -"T00:00:00.000Z".length),
};

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Of a count of units since 1970; undefined beyond the years that a date has. */
function isoText(count: bigint, perSecond: bigint): string | undefined {
  const rest = ((count % perSecond) + perSecond) % perSecond;
  const date = new Date(Number((count - rest) / perSecond) * 1000);
  if (Number.isNaN(date.getTime())) return undefined;
  const digits = (rest * (1_000_000_000n / perSecond)).toString().padStart(9, "0");
  return `${date.toISOString().slice(0, -"000Z".length)}${digits.replace(/(?:000){1,2}$/, "")}Z`;
}

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
  if (!isStruct(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plainValue(inner)]));
}

function isStruct(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function hasNumbers({ element, children }: SchemaTree): boolean {
  return isFloat(element) || element.type === "INT64" || children.some(hasNumbers);
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
  if (typeof value === "bigint") return new PyNumber(String(value));
  if (typeof value === "number") {
    return new PyNumber(isFloat(element) ? Number.isNaN(value) ? "NaN" : floatRepr(value) : String(value));
  }
  return typeof value === "boolean" ? value : String(value);
}
