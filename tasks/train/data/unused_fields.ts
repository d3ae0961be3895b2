/**
 * Fields of rows that nothing reads: counted, so that a system text or a history which isn't used is reported, not lost in silence.
 * @module
 */
import type { DatasetAttributes, ExampleShape } from "../../../plugins/kinds/dataset.ts";

/** Fields that say how a row is to be learnt, and are read in every format. */
const MARKS = ["weight", "train", "training", "loss"];

/** Columns of what no model here reads. */
const MEDIA = ["images", "videos", "audios"];

/** Columns that only some shapes read. */
const SHAPES_OF: Readonly<Record<string, readonly ExampleShape[]>> = {
  chosen: ["pair", "iopo"],
  rejected: ["pair", "iopo"],
  kto_tag: ["kto"],
  text: ["text"],
  completion: ["single", "kto"],
};

/** Names shown at most; others are counted. */
const SHOWN = 8;

/** Counts top-level fields that no column names, file by file. */
export class UnusedFields {
  readonly #used: ReadonlySet<string>;
  readonly #columns: readonly string[];
  readonly #roleOf: (field: string) => string | undefined;
  readonly #files = new Map<string, Map<string, number>>();

  /**
   * @param attributes The columns in use; its names are those that an entry may give
   * @param defaults Fields by the names that the format gives them
   */
  constructor(attributes: DatasetAttributes, defaults: Readonly<Record<string, string | null>>) {
    this.#used = new Set([
      ...Object.entries(attributes.columns).filter(([name, column]) =>
        column !== null && (SHAPES_OF[name]?.includes(attributes.shape) ?? true)
      ).map(([, column]) => column!),
      ...MARKS,
    ]);
    const usual = new Map(Object.entries(defaults).map(([name, field]) => [field, name]));
    this.#columns = Object.keys(attributes.columns).filter((name) => !MEDIA.includes(name));
    this.#roleOf = (field) => usual.get(field) ?? this.#columns.find((name) => name === field);
  }

  /** Looks at one record. */
  see(file: string, record: unknown): void {
    if (typeof record !== "object" || record === null || Array.isArray(record)) return;
    for (const [key, value] of Object.entries(record)) {
      if (this.#used.has(key) || isEmpty(value)) continue;
      let counts = this.#files.get(file);
      if (counts === undefined) this.#files.set(file, counts = new Map());
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }

  /** One note a file; fields that have the name of a column first, then the most frequent. */
  notes(): string[] {
    return [...this.#files].map(([file, counts]) => {
      const known = (key: string) => this.#roleOf(key) === undefined ? 1 : 0;
      const all = [...counts].sort(([a, n], [b, m]) => known(a) - known(b) || m - n || (a < b ? -1 : 1));
      const shown = all.slice(0, SHOWN).map(([key, count]) =>
        `${JSON.stringify(key)} in ${count.toLocaleString("en-US")} row${count === 1 ? "" : "s"}`
      );
      if (all.length > SHOWN) shown.push(`${all.length - SHOWN} more`);
      const [first = ""] = all[0] ?? [];
      const column = this.#roleOf(first);
      const how = column === undefined
        ? `beside one of "columns": ${this.#columns.join(", ")}`
        : `such as "columns": {${JSON.stringify(column)}: ${JSON.stringify(first)}}`;
      return `fields of ${file} that nothing uses: ${
        shown.join(", ")
      }. A field is used when the entry in dataset_info.json names it, ${how}`;
    });
  }
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || value === "" ||
    (Array.isArray(value) && value.length === 0);
}
