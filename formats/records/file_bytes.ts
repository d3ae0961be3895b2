/**
 * Bytes of a file of records.
 * @module
 */
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";

import { isGzipped } from "./record_type.ts";

/** Bytes of a file, unpacked where its name ends in `.gz`; `onBytes` counts those of the file itself. */
export function fileBytes(file: string, onBytes: (read: number) => void): Readable {
  const stream = createReadStream(file, { highWaterMark: 1 << 20 }).on(
    "data",
    (bytes) => onBytes(bytes.length),
  );
  if (!isGzipped(file)) return stream;
  const unpacked = createGunzip();
  stream.on("error", (error) => unpacked.destroy(error));
  unpacked.on("error", () => stream.destroy());
  return stream.pipe(unpacked);
}

/** An error of reading such bytes as text: records' own faults as they are, others as the file that can't be unpacked. */
export function unpackFault(error: unknown, file: string): unknown {
  if (error instanceof SyntaxError || !isGzipped(file)) return error;
  return new SyntaxError(`Cannot unpack ${file}: ${(error as Error).message}`);
}
