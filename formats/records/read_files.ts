/**
 * Reads records from json, jsonl, csv, parquet and txt files, in batches, so that memory doesn't grow with the file.
 * @module
 */
import { basename, dirname, extname, join } from "@std/path";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { brotliDecompressSync, createGunzip, gunzipSync, zstdDecompressSync } from "node:zlib";
import type { CsvError } from "csv-parse";
import type { Compressors, FileMetaData } from "hyparquet";

import { didYouMean } from "../did_you_mean.ts";
import { statOrNull } from "../exists.ts";
import { shortened, shown } from "../message.ts";
import { refusePointer } from "../not_the_file.ts";
import { parquetParsers, plainRecord } from "./parquet_values.ts";
import type { RawRecord } from "./record.ts";
import { JsonRecords, jsonRecords } from "./json_records.ts";
import { utf8Lines } from "./utf8_lines.ts";

const TYPES: readonly string[] = ["json", "jsonl", "csv", "parquet", "txt"];
/** Those that may be gzipped: a parquet file is read here and there, and packs itself. */
const PACKABLE = TYPES.filter((type) => type !== "parquet").map((type) => `${type}.gz`);
const BATCH = 256;

/**
 * Lists the files that paths stand for: a folder gives its files sorted by name, hidden ones left out.
 *
 * @param what Who asks, for the message, such as `data set "x" at …`.
 * @throws {RangeError} If a path is missing, a folder is empty, or a type is not known.
 */
export function listFiles(paths: readonly string[], what: string): string[] {
  return paths.flatMap((path) => {
    const info = statOrNull(path);
    if (!info) {
      refuseDeadLink(path, what);
      const directory = dirname(path);
      const near = statOrNull(directory)?.isDirectory
        ? didYouMean(basename(path).slice(0, 255), entries(directory))
        : "";
      throw new RangeError(
        `Cannot find the file of ${what}: current value is ${shortened(path, 400)}${
          near || ", which does not exist"
        }`,
      );
    }
    if (!info.isDirectory) return [checked(path, what)];
    const files = entries(path).filter((name) => !name.startsWith(".")).map((name) => join(path, name))
      .filter((file) => !statOrNull(file)?.isDirectory);
    if (files.length === 0) {
      throw new RangeError(`Cannot find files of ${what}: current value is the empty folder ${path}`);
    }
    return files.map((file) => {
      refuseDeadLink(file, what);
      return checked(file, what);
    });
  });
}

/** @throws {RangeError} If the path is a link to what isn't there */
function refuseDeadLink(path: string, what: string): void {
  if (statOrNull(path) !== null || !linkExists(path)) return;
  throw new RangeError(
    `Cannot find the file of ${what}: current value is ${shortened(path, 400)}, a link to ${
      shortened(Deno.readLinkSync(path), 400)
    }, which does not exist`,
  );
}

function linkExists(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch {
    return false;
  }
}

/**
 * Reads a file's records in batches, in file order.
 *
 * @param onBytes Told how many bytes more were read; together they make the file's size.
 * @throws {SyntaxError} If the file is broken; names file, line and column where the format has them.
 */
export async function* readRecords(
  file: string,
  onBytes: (read: number) => void = () => {},
): AsyncGenerator<RawRecord[]> {
  refusePointer(file);
  switch (recordType(file)) {
    case "json":
    case "jsonl":
      yield* jsonRecords(file, BATCH, onBytes);
      break;
    case "json.gz":
    case "jsonl.gz":
      yield* packedJsonRecords(file, onBytes);
      break;
    case "csv":
    case "csv.gz":
      yield* csvRecords(file, onBytes);
      break;
    case "parquet":
      yield* parquetRecords(file, onBytes);
      break;
    default:
      yield* textRecords(file, onBytes);
  }
}

/** Bytes of a file, unpacked where its name ends in `.gz`; `onBytes` counts those of the file itself. */
function bytesOf(file: string, onBytes: (read: number) => void): Readable {
  const stream = createReadStream(file, { highWaterMark: 1 << 20 }).on(
    "data",
    (bytes) => onBytes(bytes.length),
  );
  if (!file.toLowerCase().endsWith(".gz")) return stream;
  const unpacked = createGunzip();
  stream.on("error", (error) => unpacked.destroy(error));
  unpacked.on("error", () => stream.destroy());
  return stream.pipe(unpacked);
}

async function* packedJsonRecords(
  file: string,
  onBytes: (read: number) => void,
): AsyncGenerator<RawRecord[]> {
  const cutter = new JsonRecords(file);
  try {
    for await (const bytes of bytesOf(file, onBytes)) {
      const records = [...cutter.push(bytes as Uint8Array)];
      if (records.length > 0) yield records;
    }
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    throw new SyntaxError(`Cannot unpack ${file}: ${(error as Error).message}`);
  }
  const last = [...cutter.end()];
  if (last.length > 0) yield last;
}

async function* csvRecords(file: string, onBytes: (read: number) => void): AsyncGenerator<RawRecord[]> {
  const fault = (line: number) =>
    `Cannot read ${file}:${line} as CSV: it is not UTF-8. Save the file as UTF-8`;
  // loaded with the first such file: every task starts with this module
  const { parse: parseCsv } = await import("csv-parse");
  const source = Readable.from(utf8Lines(bytesOf(file, onBytes), fault), { objectMode: false });
  const parser = source.pipe(
    parseCsv({
      columns: (names: string[]) => withoutRepeats(separated(names, file), file),
      bom: true,
      skip_empty_lines: true,
      info: true,
    }),
  );
  source.on("error", (error) => parser.destroy(error)); // a pipe passes no errors on
  let batch: RawRecord[] = [];
  let row = 0;
  let line = 2;
  try {
    for await (const { record, info } of parser as AsyncIterable<CsvRow>) {
      // an empty cell is no value, as in Hugging Face's reader
      const value = Object.fromEntries(
        Object.entries(record).map(([key, cell]) => [key, cell === "" ? null : cell]),
      );
      batch.push({ value, row: row++, line });
      line = info.lines + 1;
      if (batch.length === BATCH) {
        yield batch;
        batch = [];
      }
    }
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    const { message, lines } = error as CsvError & { lines?: number };
    throw new SyntaxError(`Cannot read ${file}:${lines ?? line} as CSV: ${message}`);
  }
  if (batch.length > 0) yield batch;
}

/** @throws {SyntaxError} If all names stand in one column, with what another program sets columns apart with in between */
function separated(names: string[], file: string): string[] {
  const [only = ""] = names;
  const mark = names.length > 1 ? undefined : [";", "\t", "|"].find((mark) => {
    const parts = only.split(mark);
    return parts.length > 1 && parts.every((part) => /^[\w.-]+$/.test(part.trim()));
  });
  if (mark === undefined) return names;
  throw new SyntaxError(
    `Cannot read ${file}:1 as CSV: columns seem to be set apart by ${
      mark === "\t" ? "tabs" : shown(mark)
    }, need commas: current value is ${shown(only)}. Save the file with commas`,
  );
}

/** @throws {SyntaxError} If a column's name comes twice: only one of the two would be read */
function withoutRepeats(names: string[], file: string): string[] {
  const repeated = names.find((name, i) => names.indexOf(name) < i);
  if (repeated === undefined) return names;
  throw new SyntaxError(
    `Cannot read ${file}:1 as CSV: two columns have the name ${
      shown(repeated)
    }, and only one could be read. Rename one`,
  );
}

interface CsvRow {
  record: Record<string, string>;
  info: { lines: number };
}

async function* parquetRecords(path: string, onBytes: (read: number) => void): AsyncGenerator<RawRecord[]> {
  const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import("hyparquet");
  const handle = Deno.openSync(path);
  try {
    const byteLength = handle.statSync().size;
    const file = {
      byteLength,
      slice: (start: number, end: number = byteLength) => readAt(handle, start, end),
    };
    const compressors: Compressors = {
      GZIP: (bytes: Uint8Array) => gunzipSync(bytes),
      BROTLI: (bytes: Uint8Array) => brotliDecompressSync(bytes),
      ZSTD: (bytes: Uint8Array) => zstdDecompressSync(bytes),
    };
    try {
      const metadata = await parquetMetadataAsync(file);
      if (hasCodec(metadata, /^LZ4/)) Object.assign(compressors, await lz4());
      const columns = parquetSchema(metadata).children;
      const names = columns.map(({ element }) => element.name);
      const repeated = names.find((name, i) => names.indexOf(name) < i);
      if (repeated !== undefined) {
        throw new Error(
          `two columns have the name ${shown(repeated)}, and only one could be read. Rename one`,
        );
      }
      const how = { file, metadata, compressors, parsers: parquetParsers };
      let rowStart = 0;
      for (const group of metadata.row_groups) {
        const end = rowStart + Number(group.num_rows);
        for (; rowStart < end; rowStart += 4 * BATCH) {
          const rowEnd = Math.min(end, rowStart + 4 * BATCH);
          const values = await parquetReadObjects({ ...how, rowStart, rowEnd });
          onBytes(byteLength * (rowEnd - rowStart) / Number(metadata.num_rows));
          yield values.map((value, i) => ({
            value: plainRecord(value, columns),
            row: rowStart + i,
            line: null,
          }));
        }
        rowStart = end;
      }
    } catch (error) {
      if (error instanceof SyntaxError) throw error;
      const { message } = error as Error;
      const wayOut = /compression codec/.test(message)
        ? ". Write it with snappy, gzip, brotli, zstd or lz4"
        : "";
      throw new SyntaxError(`Cannot read ${path} as parquet: ${message}${wayOut}`);
    }
  } finally {
    handle.close();
  }
}

function hasCodec({ row_groups }: FileMetaData, codec: RegExp): boolean {
  return row_groups.some(({ columns }) =>
    columns.some(({ meta_data }) => codec.test(meta_data?.codec ?? ""))
  );
}

/** LZ4, which node:zlib hasn't: `LZ4_RAW`, which pyarrow calls lz4, and the older form with Hadoop's frames. */
async function lz4(): Promise<Compressors> {
  const { decompressLz4, decompressLz4Raw } = await import("hyparquet-compressors");
  return { LZ4: decompressLz4, LZ4_RAW: decompressLz4Raw };
}

function readAt(handle: Deno.FsFile, start: number, end: number): ArrayBuffer {
  const bytes = new Uint8Array(end - start);
  handle.seekSync(start, Deno.SeekMode.Start);
  for (let filled = 0; filled < bytes.length;) {
    const count = handle.readSync(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return bytes.buffer;
}

async function* textRecords(file: string, onBytes: (read: number) => void): AsyncGenerator<RawRecord[]> {
  const fault = (line: number) => `Cannot read ${file}:${line} as text: it is not UTF-8`;
  let row = 0;
  const record = (line: string): RawRecord => ({
    value: { text: line.endsWith("\r") ? line.slice(0, -1) : line },
    row,
    line: ++row,
  });
  try {
    for await (const block of utf8Lines(bytesOf(file, onBytes), fault)) {
      const lines = new TextDecoder("utf-8", { ignoreBOM: row > 0 }).decode(block).split("\n");
      // behind the last line break stands no line
      if (lines.at(-1) === "") lines.pop();
      for (let from = 0; from < lines.length; from += BATCH) {
        yield lines.slice(from, from + BATCH).map(record);
      }
    }
  } catch (error) {
    if (error instanceof SyntaxError || !file.toLowerCase().endsWith(".gz")) throw error;
    throw new SyntaxError(`Cannot unpack ${file}: ${(error as Error).message}`);
  }
}

/** Type of a file by its name: the part behind the last dot, with that in front of `gz`. */
export function recordType(file: string): string {
  const type = extname(file).slice(1).toLowerCase();
  return type === "gz" ? `${extname(file.slice(0, -3)).slice(1).toLowerCase()}.gz` : type;
}

/** True if a file of this name can be read. */
export function isRecordFile(file: string): boolean {
  return [...TYPES, ...PACKABLE].includes(recordType(file));
}

function checked(file: string, what: string): string {
  if (isRecordFile(file)) return file;
  const type = recordType(file);
  const how = type === "arrow"
    ? "Save it as parquet (`Dataset.to_parquet`)"
    : `Known are ${TYPES.map((t) => `.${t}`).join(", ")}, and .gz behind all but .parquet`;
  throw new RangeError(
    `Cannot read ${file} of ${what} as its type is not known: current value is ".${type}". ${how}`,
  );
}

function entries(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map((entry) => entry.name).sort();
}
