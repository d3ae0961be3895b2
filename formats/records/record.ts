/**
 * One record as a file has it.
 * @module
 */

/** One record and where it stands. */
export interface RawRecord {
  /** Anything that the format can hold. */
  value: unknown;
  /** From 0, in its file. */
  row: number;
  /** Line where it starts, from 1; null in parquet. */
  line: number | null;
}
