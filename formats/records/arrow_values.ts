/**
 * Values of Arrow record batches as JSON would have them.
 * @module
 */
import type {
  Data,
  DataType,
  Date_,
  Decimal,
  Dictionary,
  Field,
  Timestamp,
  TimeUnit,
  Type,
  Vector,
} from "apache-arrow";

import { item } from "../elements.ts";
import { floatRepr, type PyJson, PyNumber } from "../python_json.ts";
import { keepExact } from "./exact_json.ts";
import { isoDate, isoText } from "./iso_text.ts";
import { jsonCell } from "./json_cell.ts";

/** The library, which is loaded with the first Arrow file. */
type Arrow = typeof import("apache-arrow");

/** A value with all digits of its numbers; bytes are no text. */
type Cell = PyJson | Uint8Array;
/** Reads the cell of a row, from 0. */
type ReadCell = (row: number) => Cell;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A reader of one column's values: lists, objects, texts and numbers, ISO 8601 texts for timestamps and dates, bytes where a text isn't
 * UTF-8. The exact values of its lists and objects are kept as in {@linkcode keepExact}.
 * @throws {Error} If the column, or one in it, is of a type that has no value in JSON
 */
export function columnReader(arrow: Arrow, field: Field, data: Data): (row: number) => unknown {
  const read = cells(arrow, field, data);
  return (row) => {
    const cell = read(row);
    const value = plainValue(cell);
    keepExact(value, cell as PyJson);
    return value;
  };
}

function plainValue(cell: Cell): unknown {
  if (cell instanceof PyNumber) return Number(cell.text);
  if (Array.isArray(cell)) return cell.map(plainValue);
  if (cell instanceof Map) {
    return Object.fromEntries([...cell].map(([key, inner]) => [key, plainValue(inner)]));
  }
  return cell;
}

function cells(arrow: Arrow, field: Field, data: Data): ReadCell {
  const read = validCells(arrow, field, data);
  return (row) => data.getValid(row) ? read(row) : null;
}

function validCells(arrow: Arrow, field: Field, data: Data): ReadCell {
  const { type } = data;
  if (field.metadata.get("ARROW:extension:name") === "arrow.json") {
    const bytes = bytesOf(arrow, data);
    return (row) => jsonCell(bytes(row)).exact();
  }
  const is = (...ids: Type[]) => ids.includes(type.typeId);
  const { Type: T } = arrow;
  if (is(T.Null)) return () => null;
  if (is(T.Utf8, T.LargeUtf8, T.Utf8View)) return texts(bytesOf(arrow, data));
  if (is(T.Binary, T.LargeBinary, T.BinaryView, T.FixedSizeBinary)) return texts(bytesOf(arrow, data));
  if (is(T.Bool)) return valuesOf<boolean>(arrow, data, type);
  if (is(T.Int)) return numbers(valuesOf<number | bigint>(arrow, data, type), String);
  // a time of day and a duration are counts of their units, as they are in parquet files
  if (is(T.Time, T.Duration)) return numbers(valuesOf<number | bigint>(arrow, data, type), String);
  if (is(T.Decimal)) {
    return numbers(valuesOf<Uint32Array>(arrow, data, type), decimalText((data as Data<Decimal>).type));
  }
  if (is(T.Float)) return numbers(valuesOf<number>(arrow, data, type), floatText);
  if (is(T.Timestamp)) return timestamps(arrow, data);
  if (is(T.Date)) return dates(arrow, data);
  if (is(T.List, T.LargeList, T.FixedSizeList)) return lists(arrow, data);
  if (is(T.Map)) return maps(arrow, data);
  if (is(T.Struct)) return objects(arrow, data);
  if (is(T.Dictionary)) return coded(arrow, field, data);
  throw new Error(
    `column ${field.name} is of type ${type}, which has no value in JSON. Save it without that column`,
  );
}

function floatText(value: number): string {
  return Number.isNaN(value) ? "NaN" : floatRepr(value);
}

function decimalText({ scale }: Decimal): (words: Uint32Array) => string {
  return (words) => {
    const bits = words.reduceRight((sum, word) => (sum << 32n) + BigInt(word), 0n);
    return floatRepr(Number(BigInt.asIntN(32 * words.length, bits)) / 10 ** scale);
  };
}

function numbers<T>(value: (row: number) => T, text: (value: T) => string): ReadCell {
  return (row) => new PyNumber(text(value(row)));
}

/** Values of the same buffers read as `type`. */
function valuesOf<T>({ Vector }: Arrow, data: Data, type: DataType): (row: number) => T {
  const vector: Vector = new Vector([data.clone(type)]);
  return (row) => vector.get(row) as T;
}

/** Bytes of texts, as the library's own decoder takes a U+FEFF at their start away and puts U+FFFD where they aren't UTF-8. */
function bytesOf(arrow: Arrow, data: Data): (row: number) => Uint8Array {
  const { Type: T } = arrow;
  const types: Partial<Record<Type, DataType>> = {
    [T.Utf8]: new arrow.Binary(),
    [T.LargeUtf8]: new arrow.LargeBinary(),
    [T.Utf8View]: new arrow.BinaryView(),
  };
  return valuesOf<Uint8Array>(arrow, data, types[data.type.typeId as Type] ?? data.type);
}

function texts(bytes: (row: number) => Uint8Array): ReadCell {
  return (row) => {
    const read = bytes(row);
    try {
      return decoder.decode(read);
    } catch {
      return read;
    }
  };
}

function timestamps(arrow: Arrow, data: Data): ReadCell {
  const { TimeUnit: Unit } = arrow;
  const perSecond: Record<TimeUnit, bigint> = {
    [Unit.SECOND]: 1n,
    [Unit.MILLISECOND]: 1_000n,
    [Unit.MICROSECOND]: 1_000_000n,
    [Unit.NANOSECOND]: 1_000_000_000n,
  };
  const unit = perSecond[(data as Data<Timestamp>).type.unit];
  const count = valuesOf<bigint>(arrow, data, new arrow.Int64());
  return (row) => isoText(count(row), unit) ?? null;
}

function dates(arrow: Arrow, data: Data): ReadCell {
  const inDays = (data as Data<Date_>).type.unit === arrow.DateUnit.DAY;
  const count = valuesOf<number | bigint>(arrow, data, inDays ? new arrow.Int32() : new arrow.Int64());
  return (row) => isoDate(BigInt(count(row)) / (inDays ? 1n : 86_400_000n)) ?? null;
}

/**
 * First row and the row behind the last of a list's items.
 * @throws {Error} By what is returned, if the list's items aren't there
 */
function range(data: Data): (row: number) => [number, number] {
  const { valueOffsets: offsets, stride } = data;
  const fixed = offsets === undefined || offsets.length === 0;
  const end = item(data.children, 0).length;
  return (row) => {
    const [from, to] = fixed
      ? [row * stride, (row + 1) * stride]
      : [Number(offsets[row]), Number(offsets[row + 1])];
    if (!(0 <= from && from <= to && to <= end)) throw new Error("a list's items aren't in the file");
    return [from, to];
  };
}

function lists(arrow: Arrow, data: Data): ReadCell {
  const read = cells(arrow, item(data.type.children, 0), item(data.children, 0));
  const rows = range(data);
  return (row) => {
    const [from, to] = rows(row);
    return Array.from({ length: to - from }, (_, i) => read(from + i)) as PyJson;
  };
}

function maps(arrow: Arrow, data: Data): ReadCell {
  const entries = item(data.children, 0);
  const reads = entries.children.map((child, i) => cells(arrow, item(entries.type.children, i), child));
  const key = item(reads, 0), value = item(reads, 1);
  const rows = range(data);
  return (row) => {
    const [from, to] = rows(row);
    const pairs = Array.from(
      { length: to - from },
      (_, i) => [String(key(from + i)), value(from + i)] as const,
    );
    return new Map(pairs) as PyJson;
  };
}

function objects(arrow: Arrow, data: Data): ReadCell {
  const fields = data.children.map((child, i) => {
    const field: Field = item(data.type.children, i);
    return [field.name, cells(arrow, field, child)] as const;
  });
  return (row) => new Map(fields.map(([name, read]) => [name, read(row)])) as PyJson;
}

/** Values that a dictionary's numbers stand for. */
function coded(arrow: Arrow, field: Field, data: Data): ReadCell {
  const { indices } = (data as Data<Dictionary>).type;
  const index = valuesOf<number | bigint>(arrow, data, indices);
  const parts = data.dictionary!.data.map((part) => ({
    length: part.length,
    read: cells(arrow, field, part),
  }));
  return (row) => {
    let at = Number(index(row));
    for (const { length, read } of parts) {
      if (at < length) return read(at);
      at -= length;
    }
    throw new Error(`column ${field.name} names an entry that its dictionary hasn't`);
  };
}
