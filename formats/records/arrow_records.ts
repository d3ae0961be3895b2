/**
 * Records of an Arrow file: the stream format, which `datasets` writes (its cache, `save_to_disk`), and the file format (Feather 2).
 * @module
 */
import { zstdDecompressSync } from "node:zlib";
import type { RecordBatch } from "apache-arrow";

import { item } from "../elements.ts";
import { shortened } from "../message.ts";
import { columnReader } from "./arrow_values.ts";
import { refuseRepeatedColumns } from "./columns.ts";
import { fileRecords } from "./file_records.ts";
import type { RawRecord } from "./record.ts";

/** The library, which is loaded with the first Arrow file. */
type Arrow = typeof import("apache-arrow");

/** Records in batches of at most `batchSize`. @throws {SyntaxError} If the file is broken, or has values that JSON hasn't */
export function arrowRecords(
  path: string,
  batchSize: number,
  onBytes: (read: number) => void,
): AsyncGenerator<RawRecord[]> {
  return fileRecords(
    path,
    (handle) => readBatches(handle, batchSize, onBytes),
    ({ message }) => new SyntaxError(`Cannot read ${path} as Arrow: ${shortened(message)}`),
  );
}

async function* readBatches(
  handle: Deno.FsFile,
  batchSize: number,
  onBytes: (read: number) => void,
): AsyncGenerator<RawRecord[]> {
  const arrow = await loaded();
  const { size } = handle.statSync();
  let told = 0;
  const tell = (count: number) => {
    const more = Math.min(count, size - told);
    told += more;
    onBytes(more);
  };
  // the library closes what it reads when it is done, and this file is closed by who opened it
  const source = { fd: 0, stat: () => ({ size }), read: readerOf(handle, tell), close: () => {} };
  const reader = await arrow.RecordBatchReader.from(source as unknown as AsyncIterable<Uint8Array>);
  await reader.open();
  if (!reader.schema) throw new Error("it doesn't begin with a schema");
  refuseRepeatedColumns(reader.schema.fields.map(({ name }) => name));
  let row = 0;
  for await (const batch of reader) {
    const record = recordsOf(arrow, batch);
    for (let start = 0; start < batch.numRows; start += batchSize) {
      const length = Math.min(batchSize, batch.numRows - start);
      yield Array.from({ length }, (_, i) => ({ value: record(start + i), row: row++, line: null }));
    }
  }
  tell(size - told);
}

function recordsOf(arrow: Arrow, { schema, data }: RecordBatch): (row: number) => Record<string, unknown> {
  const columns = schema.fields.map((field, i) => {
    return [field.name, columnReader(arrow, field, item(data.children, i))] as const;
  });
  return (row) => Object.fromEntries(columns.map(([name, read]) => [name, read(row)]));
}

function readerOf(handle: Deno.FsFile, tell: (count: number) => void) {
  return (buffer: Uint8Array, offset: number, length: number, position: number) => {
    handle.seekSync(position, Deno.SeekMode.Start);
    let bytesRead = 0;
    while (bytesRead < length) {
      const count = handle.readSync(buffer.subarray(offset + bytesRead, offset + length));
      if (count === null) throw new Error("it ends too early");
      bytesRead += count;
    }
    tell(bytesRead);
    return { bytesRead, buffer };
  };
}

async function loaded(): Promise<Arrow> {
  const arrow = await import("apache-arrow");
  const { compressionRegistry: codecs, CompressionType } = arrow;
  if (codecs.get(CompressionType.ZSTD) === null) {
    const { decompress } = await import("lz4js");
    codecs.set(CompressionType.ZSTD, { decode: (bytes) => zstdDecompressSync(bytes) });
    codecs.set(CompressionType.LZ4_FRAME, { decode: (bytes) => decompress(bytes) });
  }
  return arrow;
}
