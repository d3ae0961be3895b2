/**
 * Lines and records at the end of a file: each is there whole or not at all. A full disk takes only the beginning of a write, and half a
 * line would stand in front of the next one.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { appendLine } from "./append.ts";
 *
 * const path = Deno.makeTempFileSync();
 * Deno.writeTextFileSync(path, "whole\ncut o");
 * appendLine(path, "next");
 * assertEquals(Deno.readTextFileSync(path), "whole\nnext\n");
 * Deno.removeSync(path);
 * ```
 * @module
 */
import { writeError } from "./atomic.ts";

const NEWLINE = 10;
const CHUNK = 1 << 16;

/**
 * Appends a line, in place of one that a kill cut off at the end.
 * @param line Without the end of the line; may have several lines
 * @throws {Error} If it can't be written; the lines before are as they were
 */
export function appendLine(path: string, line: string): void {
  append(path, new TextEncoder().encode(`${line}\n`), endOfLines);
}

/**
 * Appends a record to a file that has no lines.
 * @throws {Error} If it can't be written; what was there before is as it was
 */
export function appendRecord(path: string, record: Uint8Array): void {
  append(path, record, (file) => file.seekSync(0, Deno.SeekMode.End));
}

function append(path: string, bytes: Uint8Array, endOf: (file: Deno.FsFile) => number): void {
  try {
    using file = Deno.openSync(path, { read: true, append: true, create: true });
    const end = endOf(file);
    if (end < file.statSync().size) file.truncateSync(end);
    try {
      for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
    } catch (error) {
      file.truncateSync(end);
      throw error;
    }
  } catch (error) {
    throw writeError(error, path);
  }
}

/** Bytes up to the last end of a line. */
function endOfLines(file: Deno.FsFile): number {
  const size = file.seekSync(0, Deno.SeekMode.End);
  for (let to = size; to > 0;) {
    const from = Math.max(0, to - CHUNK), bytes = new Uint8Array(to - from);
    file.seekSync(from, Deno.SeekMode.Start);
    for (let filled = 0; filled < bytes.length;) {
      filled += file.readSync(bytes.subarray(filled)) ?? bytes.length;
    }
    const last = bytes.lastIndexOf(NEWLINE);
    if (last >= 0) return from + last + 1;
    to = from;
  }
  return 0;
}
