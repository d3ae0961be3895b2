/**
 * Reads records from json, jsonl, csv, parquet, Arrow and txt files, in batches, so that memory doesn't grow with the file.
 * @module
 */
import { refusePointer } from "../not_the_file.ts";
import { arrowRecords } from "./arrow_records.ts";
import { csvRecords } from "./csv_records.ts";
import { fileBytes, unpackFault } from "./file_bytes.ts";
import { JsonRecords, jsonRecords } from "./json_records.ts";
import { parquetRecords } from "./parquet_records.ts";
import type { RawRecord } from "./record.ts";
import { recordType } from "./record_type.ts";
import { textRecords } from "./text_records.ts";

/** Records of a batch; four times as many of a parquet or Arrow file. */
const BATCH = 256;

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
      yield* csvRecords(file, BATCH, onBytes);
      break;
    case "parquet":
      yield* parquetRecords(file, 4 * BATCH, onBytes);
      break;
    case "arrow":
      yield* arrowRecords(file, 4 * BATCH, onBytes);
      break;
    default:
      yield* textRecords(file, BATCH, onBytes);
  }
}

async function* packedJsonRecords(
  file: string,
  onBytes: (read: number) => void,
): AsyncGenerator<RawRecord[]> {
  const cutter = new JsonRecords(file);
  try {
    for await (const bytes of fileBytes(file, onBytes)) {
      const records = [...cutter.push(bytes as Uint8Array)];
      if (records.length > 0) yield records;
    }
  } catch (error) {
    throw unpackFault(error, file);
  }
  const last = [...cutter.end()];
  if (last.length > 0) yield last;
}
