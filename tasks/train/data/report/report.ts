/**
 * Counts of used, cut and dropped rows, with reasons.
 * @module
 */
import type { SequenceMeasure } from "../../../../kernels/engine/packs/encoded.ts";
import type { Cut } from "../encoding/encoding.ts";
import { OddRows } from "./odd_rows.ts";
import { shortened } from "../../../../formats/message.ts";
import { PyNumber } from "../../../../formats/python_json.ts";
import { memberAsWritten } from "../../../../formats/records/exact_json.ts";

/** Reasons that are told one by one. */
const REASONS = 10;

/** Rows with the same fault. */
export interface DropCount {
  /** In words, the same for all of them. */
  reason: string;
  /** Number of rows with it. */
  count: number;
  /** The first of them. */
  first: { file: string; row: number; line: number | null; field: string; value: string };
}

/** Lengths of the sequences of one name, in tokens. */
export interface LengthStatistics {
  /** Name in the loss's `sequences`. */
  name: string;
  /** Number of sequences. */
  count: number;
  /** Length of the shortest. */
  min: number;
  /** Mean, 0 of none. */
  mean: number;
  /** Half are at most this long. */
  p50: number;
  /** Nine of ten are at most this long. */
  p90: number;
  /** Ninety-nine of a hundred are at most this long. */
  p99: number;
  /** Length of the longest. */
  max: number;
  /** Sum of all. */
  tokens: number;
  /** Labelled tokens of all; 0 where answers are drawn. */
  labels: number;
}

/** The report of one run's data. */
export interface DataReport {
  /** Rows read. */
  rows: number;
  /** Examples for training and for evaluation. */
  train: number;
  /** Examples for evaluation. */
  evaluation: number;
  /** Rows that are not used, the most frequent reason first. */
  dropped: DropCount[];
  /** Rows of which something was cut, and what. A row may be in several of the last three. */
  truncated: { rows: number; prompt: number; answer: number; turns: number };
  /** Training sequences, by name. */
  lengths: LengthStatistics[];
  /** What the loss takes of a sequence; absent: log-probabilities of its learnt tokens. */
  measure?: SequenceMeasure;
  /** Warnings to read before training. */
  warnings: string[];
  /** Assumptions that were made (default columns and the like). */
  notes: string[];
}

/** Counts while rows come in. */
export class RowTally {
  /** Rows read. */
  rows = 0;
  /** Tokens of packed text that fill no block. */
  leftOutTokens = 0;
  /** Rows of which something was cut. */
  readonly truncated = { rows: 0, prompt: 0, answer: 0, turns: 0 };
  /** Rows that are used and probably not meant so. */
  readonly odd: OddRows;
  readonly #dropped = new Map<string, DropCount>();

  /** @param learnsPrompts `train_on_prompt` */
  constructor(learnsPrompts: boolean) {
    this.odd = new OddRows(learnsPrompts);
  }

  /** A row that isn't used. */
  drop(reason: string, first: DropCount["first"]): void {
    const known = this.#dropped.get(reason);
    if (known) known.count++;
    else this.#dropped.set(reason, { reason, count: 1, first });
  }

  /** A row that is used; what was cut off it. */
  cut(cut: Cut): void {
    const { truncated } = this;
    if (cut.prompt + cut.answer + cut.turns > 0) truncated.rows++;
    if (cut.prompt > 0) truncated.prompt++;
    if (cut.answer > 0) truncated.answer++;
    if (cut.turns > 0) truncated.turns++;
  }

  /** Reasons, the most frequent first; rare ones beyond {@linkcode REASONS} are one. */
  get dropped(): DropCount[] {
    const all = [...this.#dropped.values()].sort((a, b) => b.count - a.count);
    const rare = all.slice(REASONS);
    const [next] = rare;
    if (next === undefined) return all;
    const count = rare.reduce((sum, each) => sum + each.count, 0);
    const reason = `one of ${rare.length} further reasons, such as: ${shortened(next.reason)}`;
    return [...all.slice(0, REASONS), { reason, count, first: next.first }];
  }
}

/** Statistics of lengths. */
export function lengthStatistics(name: string, lengths: Int32Array, labels: number): LengthStatistics {
  const sorted = lengths.toSorted();
  const lengthAt = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
  const tokens = sorted.reduce((sum, n) => sum + n, 0);
  return {
    name,
    count: sorted.length,
    min: sorted[0] ?? 0,
    mean: sorted.length > 0 ? tokens / sorted.length : 0,
    p50: lengthAt(0.5),
    p90: lengthAt(0.9),
    p99: lengthAt(0.99),
    max: sorted.at(-1) ?? 0,
    tokens,
    labels,
  };
}

/** Warnings about rows lost or cut, above one in a hundred. */
export function warnings(tally: RowTally, used: number, cutoff: number, truncation: string): string[] {
  const texts: string[] = [];
  const share = (count: number) =>
    `${count} of ${tally.rows} rows (${(100 * count / tally.rows).toFixed(1)} %)`;
  const lost = tally.dropped.reduce((sum, { count }) => sum + count, 0);
  if (lost > 0.01 * tally.rows) {
    texts.push(
      `${share(lost)} are not used: ${tally.dropped.map((d) => `${d.reason} (${d.count})`).join("; ")}`,
    );
  }
  if (tally.truncated.rows > 0.01 * used) {
    const { rows, prompt, answer, turns } = tally.truncated;
    const header = prompt > 0 && truncation === "llama_factory"
      ? "; a prompt is cut at its end, so it loses the assistant header (truncation: keep_template keeps it)"
      : "";
    texts.push(
      `${
        share(rows)
      } are cut to cutoff_len ${cutoff}: prompts of ${prompt}, answers of ${answer} (they lose their end ` +
        `token), whole turns of ${turns}${header}`,
    );
  }
  return [...texts, ...tally.odd.warnings];
}

/** One drop in a line: where, which field, what it holds. */
export function describeDrop({ reason, count, first }: DropCount): string {
  const line = first.line === null ? "" : `, line ${first.line}`;
  const field = first.field ? `, ${first.field} = ${first.value}` : `: ${first.value}`;
  return `${reason}: ${count} row${
    count === 1 ? "" : "s"
  }, the first is row ${first.row}${line} of ${first.file}${field}`;
}

/**
 * The error of a set without a usable row.
 * @param notes Remarks on fields of its entry that do nothing
 * @throws {RangeError} Always, with the reasons.
 */
export function failEmpty(tally: RowTally, what: string, notes: readonly string[] = []): never {
  if (tally.rows === 0) {
    throw new RangeError(
      `Cannot train on ${what} as there are no rows: current value is an empty file or list`,
    );
  }
  const reasons = [...tally.dropped.map(describeDrop), ...notes.map((note) => `note: ${note}`)]
    .map((line) => `\n  ${line}`).join("");
  throw new RangeError(`Cannot train on ${what} as none of its ${tally.rows} rows can be used:${reasons}`);
}

/** A value for a message: JSON, at most 80 characters, not deeper than it is readable. */
export function shortValue(record: unknown, field: string): string {
  const value = fieldOf(record, field);
  if (value === undefined) return "nothing";
  const text = brief(value, 0);
  return text.length > 80 ? `${text.slice(0, 79).toWellFormed()}…` : text;
}

/** The value at a dotted path; as far as it goes. */
function fieldOf(record: unknown, field: string): unknown {
  if (typeof record === "object" && record !== null && Object.hasOwn(record, field)) {
    return memberAsWritten(record, field);
  }
  let value = record;
  for (const key of field.split(/[.[\]]+/).filter((part) => part !== "")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = memberAsWritten(value, key);
  }
  return value;
}

function brief(value: unknown, depth: number): string {
  if (typeof value === "string") return JSON.stringify(value.length > 100 ? value.slice(0, 100) : value);
  if (value instanceof PyNumber) return value.text;
  if (typeof value !== "object" || value === null) return String(value);
  if (depth > 3) return "…";
  const member = (key: PropertyKey) => brief(memberAsWritten(value, key), depth + 1);
  if (Array.isArray(value)) return `[${value.slice(0, 5).map((_, i) => member(i)).join(", ")}]`;
  const entries = Object.keys(value).slice(0, 8).map((key) => `${JSON.stringify(key)}: ${member(key)}`);
  return `{${entries.join(", ")}}`;
}
