/**
 * Types of files that records are read from, by their names.
 * @module
 */
import { extname } from "@std/path";

/** Types, by what stands behind the last dot. */
export const RECORD_TYPES: readonly string[] = ["json", "jsonl", "csv", "parquet", "arrow", "txt"];
/** Those that may be gzipped: parquet and Arrow files are read here and there, and pack themselves. */
const PACKABLE = RECORD_TYPES.filter((type) => type !== "parquet" && type !== "arrow").map((type) =>
  `${type}.gz`
);

/** Type of a file by its name: the part behind the last dot, with that in front of `gz`. */
export function recordType(file: string): string {
  const type = extname(file).slice(1).toLowerCase();
  return type === "gz" ? `${extname(file.slice(0, -3)).slice(1).toLowerCase()}.gz` : type;
}

/** True if a file of this name can be read. */
export function isRecordFile(file: string): boolean {
  return [...RECORD_TYPES, ...PACKABLE].includes(recordType(file));
}

/** True if a file's name says that it is gzipped. */
export function isGzipped(file: string): boolean {
  return file.toLowerCase().endsWith(".gz");
}
