/**
 * Rows that must not get into a data set, such as those of an evaluation: a text that shares 13 tokens in a row with one of them
 * is left out, as is one that equals a shorter row. Runs of tokens miss paraphrases, so what is counted is a lower bound.
 *
 * Brown et al. 2020 ("Language Models are Few-Shot Learners", appendix C) for the 13.
 * @module
 */
import { basename } from "@std/path";
import { fileURLToPath } from "node:url";

import { listFiles, readRecords } from "../../formats/records/read_files.ts";
import { runsOf, tokensOf } from "./tokens.ts";

/** Tokens of a run. */
export const RUN = 13;

/** Evaluation rows that come along: none of them gets into a data set. */
export const EVALUATION_ROWS: readonly URL[] = [
  new URL("../../fixtures/trace/trace_eval.jsonl.gz", import.meta.url),
  new URL("../../plugins/benchmarks/ifeval/data/input_data.jsonl", import.meta.url),
];

/** Texts by their runs of {@linkcode RUN} tokens. */
export class Exclusion {
  readonly #runs = new Map<string, number>();
  /** Rows that were read, by file. */
  readonly rows = new Map<string, number>();
  readonly #files: string[] = [];

  /** Adds a text of a file. */
  add(text: string, file: string): void {
    const tokens = tokensOf(text);
    let number = this.#files.indexOf(file);
    if (number < 0) number = this.#files.push(file) - 1;
    for (const run of runsOf(tokens, RUN)) this.#runs.set(run, number);
  }

  /** The file that has a row which shares a run with the text, and the run; null where none does. */
  find(text: string): { file: string; run: string } | null {
    for (const run of runsOf(tokensOf(text), RUN)) {
      const number = this.#runs.get(run);
      if (number !== undefined) return { file: this.#files[number] ?? "", run };
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
    const files = [...EVALUATION_ROWS.map((url) => fileURLToPath(url)), ...listFiles(paths, "exclude")];
    for (const file of files) {
      const name = basename(file);
      let rows = 0;
      for await (const batch of readRecords(file)) {
        for (const { value } of batch) {
          rows++;
          for (const text of textsIn(value)) exclusion.add(text, name);
        }
      }
      exclusion.rows.set(name, rows);
    }
    return exclusion;
  }
}

/** Keys of rows whose texts say nothing of what is asked. */
const BESIDE: ReadonlySet<string> = new Set([
  ...["id", "key", "role", "from", "type", "category", "levels2", "kind", "operation", "rule", "kwargs"],
  ...["instruction_id_list", "constraints_splits", "system", "groups", "source"],
]);

/** Texts of a record that have more than one token, at any depth. */
function* textsIn(value: unknown): Generator<string> {
  if (typeof value === "string") {
    if (tokensOf(value).length > 1) yield value;
  } else if (Array.isArray(value)) { for (const item of value) yield* textsIn(item); }
  else if (typeof value === "object" && value !== null) {
    const { role, from } = value as { role?: unknown; from?: unknown };
    if (role === "system" || from === "system") return;
    for (const [key, item] of Object.entries(value)) if (!BESIDE.has(key)) yield* textsIn(item);
  }
}
