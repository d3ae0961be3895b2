/**
 * Records of a parquet file.
 * @module
 */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import type { AsyncBuffer, Compressors, FileMetaData, RowGroup } from "hyparquet";

import { refuseRepeatedColumns } from "./columns.ts";
import { fileRecords } from "./file_records.ts";
import { parquetParsers, plainRecord } from "./parquet_values.ts";
import type { RawRecord } from "./record.ts";

/** Unpacked bytes that one read takes; a row group of `datasets` has some 100 MB. */
const BYTES_OF_READ = 64e6;

/** Records in batches. @throws {SyntaxError} If the file is broken, or packed by what can't be unpacked here */
export function parquetRecords(
  path: string,
  batchSize: number,
  onBytes: (read: number) => void,
): AsyncGenerator<RawRecord[]> {
  return fileRecords(path, (handle) => readBatches(handle, batchSize, onBytes), (error) => {
    if (error instanceof SyntaxError) return error;
    const wayOut = /compression codec/.test(error.message)
      ? ". Write it with snappy, gzip, brotli, zstd or lz4"
      : "";
    return new SyntaxError(`Cannot read ${path} as parquet: ${error.message}${wayOut}`);
  });
}

async function* readBatches(
  handle: Deno.FsFile,
  batchSize: number,
  onBytes: (read: number) => void,
): AsyncGenerator<RawRecord[]> {
  const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import("hyparquet");
  const byteLength = handle.statSync().size;
  const file: AsyncBuffer = { byteLength, slice: (start, end = byteLength) => readAt(handle, start, end) };
  const metadata = await parquetMetadataAsync(file);
  const compressors = await compressorsOf(metadata);
  const columns = parquetSchema(metadata).children;
  refuseRepeatedColumns(columns.map(({ element }) => element.name));
  const how = { file, metadata, compressors, parsers: parquetParsers };
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const end = rowStart + Number(group.num_rows);
    const step = rowsOfRead(group, batchSize);
    for (; rowStart < end; rowStart += step) {
      const rowEnd = Math.min(end, rowStart + step);
      const values = await parquetReadObjects({ ...how, rowStart, rowEnd });
      for (let first = 0; first < values.length; first += batchSize) {
        const batch = values.slice(first, first + batchSize);
        onBytes(byteLength * batch.length / Number(metadata.num_rows));
        yield batch.map((value, i) => ({
          value: plainRecord(value, columns),
          row: rowStart + first + i,
          line: null,
        }));
      }
    }
    rowStart = end;
  }
}

/** Each read unpacks a group's pages from their beginning, so that many small ones would take the square of its rows. */
function rowsOfRead({ num_rows, total_byte_size }: RowGroup, batchSize: number): number {
  const share = Number(num_rows) * BYTES_OF_READ / Math.max(Number(total_byte_size), 1);
  return Math.max(batchSize, Math.floor(share));
}

/** Those beside the library's own, which reads what isn't packed, and snappy. */
async function compressorsOf({ row_groups }: FileMetaData): Promise<Compressors> {
  const hasLz4 = row_groups.some(({ columns }) =>
    columns.some(({ meta_data }) => /^LZ4/.test(meta_data?.codec ?? ""))
  );
  return {
    GZIP: (bytes: Uint8Array) => gunzipSync(bytes),
    BROTLI: (bytes: Uint8Array) => brotliDecompressSync(bytes),
    ZSTD: (bytes: Uint8Array) => zstdDecompressSync(bytes),
    ...hasLz4 && await lz4(),
  };
}

/** LZ4, which node:zlib hasn't: `LZ4_RAW`, which pyarrow calls lz4, and the older form with Hadoop's frames. */
async function lz4(): Promise<Compressors> {
  const { decompressLz4, decompressLz4Raw } = await import("hyparquet-compressors");
  // the library takes the one byte of a page without bytes (a group without values) for the start of a match
  const unlessEmpty = (decompress: typeof decompressLz4) => (bytes: Uint8Array, length: number) =>
    length === 0 ? new Uint8Array(0) : decompress(bytes, length);
  return { LZ4: unlessEmpty(decompressLz4), LZ4_RAW: unlessEmpty(decompressLz4Raw) };
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
