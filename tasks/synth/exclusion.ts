/**
 * Rows that must not get into a data set, such as those of an evaluation: a text that shares 13 tokens in a row with one of them
 * is left out, as is one that equals a shorter row. Runs of tokens miss paraphrases, so what is counted is a lower bound.
 *
 * Brown et al. 2020 ("Language Models are Few-Shot Learners", appendix C) for the 13.
 * @module
 */
import { basename } from "@std/path";
import { fileURLToPath } from "node:url";

import { f64, i32 } from "../../formats/elements.ts";
import { listFiles } from "../../formats/records/list_files.ts";
import { readRecords } from "../../formats/records/read_files.ts";
import { tokensOf } from "./tokens.ts";

/** Tokens of a run. */
export const RUN = 13;

/** Evaluation rows that come along: none of them gets into a data set. */
const EVALUATION_ROWS: readonly URL[] = [
  new URL("../../fixtures/trace/trace_eval.jsonl.gz", import.meta.url),
  new URL("../../plugins/benchmarks/ifeval/data/input_data.jsonl", import.meta.url),
];

/** Runs of {@linkcode RUN} tokens as hashes of 53 bits, in order; a shorter text is one run. */
function keysOf(tokens: readonly string[]): number[] {
  if (tokens.length === 0) return [];
  const hashes = Int32Array.from(tokens, hashed);
  const length = Math.min(RUN, hashes.length);
  return Array.from({ length: hashes.length - length + 1 }, (_, from) => {
    let a = length, b = length;
    for (let i = from; i < from + length; i++) {
      const hash = i32(hashes, i);
      a = Math.imul(a, 0x9e3779b1) + hash | 0;
      b = Math.imul(b ^ hash, 0x85ebca6b);
      b ^= b >>> 15;
    }
    return (a >>> 0) * 2 ** 21 + (b >>> 11);
  });
}

/** 32 bits of a token (FNV-1a over its UTF-16 units). */
function hashed(token: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < token.length; i++) hash = Math.imul(hash ^ token.charCodeAt(i), 0x01000193);
  return hash;
}

/** Files of rows, by their texts' runs of {@linkcode RUN} tokens. */
export class Exclusion {
  readonly #files: { name: string; keys: Float64Array }[] = [];
  /** Rows that were read, by file. */
  readonly rows = new Map<string, number>();

  /** The file that has a row which shares a run with the text, and the run; null where none does. */
  find(text: string): { file: string; run: string } | null {
    const tokens = tokensOf(text);
    for (const [from, key] of keysOf(tokens).entries()) {
      const file = this.#files.find(({ keys }) => isAmong(keys, key));
      if (file !== undefined) return { file: file.name, run: tokens.slice(from, from + RUN).join(" ") };
    }
    return null;
  }

  /**
   * Reads files of rows: every text at any depth of a record counts, but names of roles and such: a single word.
   * @throws {RangeError} If a path isn't there
   * @throws {SyntaxError} If a file can't be read
   */
  static async read(paths: readonly string[]): Promise<Exclusion> {
    const exclusion = new Exclusion();
    const files = listFiles(paths, "exclude");
    // the same for every run of a process
    bundled ??= Promise.all(EVALUATION_ROWS.map((url) => keysOfFile(fileURLToPath(url))));
    const read = [...await bundled];
    for (const file of files) read.push(await keysOfFile(file));
    for (const { name, keys, rows } of read) {
      exclusion.#files.push({ name, keys });
      exclusion.rows.set(name, rows);
    }
    return exclusion;
  }
}

/** Rows of a file, by their texts' runs of tokens. */
interface FileKeys {
  name: string;
  /** Rising. */
  keys: Float64Array;
  rows: number;
}

let bundled: Promise<FileKeys[]> | undefined;

async function keysOfFile(file: string): Promise<FileKeys> {
  const keys: number[] = [];
  let rows = 0;
  for await (const batch of readRecords(file)) {
    for (const { value } of batch) {
      rows++;
      for (const tokens of textsIn(value)) for (const key of keysOf(tokens)) keys.push(key);
    }
  }
  // sorted numbers take 8 bytes a run, a set of them ten times as much and far longer
  return { name: basename(file), keys: Float64Array.from(keys).sort(), rows };
}

/** True if a number is among sorted ones. */
function isAmong(sorted: Float64Array, wanted: number): boolean {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (f64(sorted, middle) < wanted) low = middle + 1;
    else high = middle;
  }
  return low < sorted.length && sorted[low] === wanted;
}

/** Keys of rows whose texts say nothing of what is asked. */
const BESIDE: ReadonlySet<string> = new Set([
  ...["id", "key", "role", "from", "type", "category", "levels2", "kind", "operation", "rule", "kwargs"],
  ...["instruction_id_list", "constraints_splits", "system", "groups", "source"],
]);

/** Texts of a record that have more than one token, at any depth, as tokens. */
function* textsIn(value: unknown): Generator<string[]> {
  if (typeof value === "string") {
    const tokens = tokensOf(value);
    if (tokens.length > 1) yield tokens;
  } else if (Array.isArray(value)) { for (const item of value) yield* textsIn(item); }
  else if (typeof value === "object" && value !== null) {
    const { role, from } = value as { role?: unknown; from?: unknown };
    if (role === "system" || from === "system") return;
    for (const [key, item] of Object.entries(value)) if (!BESIDE.has(key)) yield* textsIn(item);
  }
}
