/**
 * Fields of rows that nothing reads: counted, so that a system text or a history which isn't used is reported, not lost in silence.
 * @module
 */
import type { DatasetAttributes, ExampleShape } from "../../../../plugins/kinds/dataset.ts";
import { isRowMark, LEARNT_FIELDS } from "../../../../plugins/kinds/learnt_marks.ts";

/** They say how a row is to be learnt, and are read in every format. */
const MARKS: readonly string[] = LEARNT_FIELDS;

/** Fields of turns that are read beside their marks and the entry's tags, or say nothing to a model. */
const TURN_FIELDS = [
  ...[
    "tool_calls",
    "function_call",
    "tool_call_id",
    "reasoning_content",
    "thinking",
    "reasoning",
    "from",
    "value",
    "role",
    "content",
  ],
  ...["id", "train_detail", "training_detail", "refusal", "annotations", "audio"],
];

/** An object with none of them, and none of the entry's tags, is no turn: a format of one's own may have lists of anything. */
const SPEAKS = ["from", "value", "role", "content"];

/** Columns whose lists and objects are no turns. */
const NO_TURNS = ["tools", "system", "history", "images", "videos", "audios", "chat_template_kwargs"];

/** Columns of what no model here reads. */
const MEDIA = ["images", "videos", "audios"];

/** Columns that only some shapes read. */
const SHAPES_OF: Readonly<Record<string, readonly ExampleShape[]>> = {
  chosen: ["pair", "iopo"],
  rejected: ["pair", "iopo"],
  kto_tag: ["kto"],
  text: ["text"],
  completion: ["single", "kto"],
  chat_template_kwargs: ["single", "pair", "kto"],
};

/** Names shown at most; others are counted. */
const SHOWN = 8;

/** Counts top-level fields that no column names, file by file. */
export class UnusedFields {
  readonly #used: ReadonlySet<string>;
  readonly #columns: readonly string[];
  readonly #roleOf: (field: string) => string | undefined;
  readonly #files = new Map<string, Map<string, number>>();
  readonly #talks: ReadonlySet<string>;
  readonly #usedOfTurns: ReadonlySet<string>;
  readonly #speaks: readonly string[];
  readonly #turns = new Map<string, Map<string, number>>();

  /**
   * @param attributes The columns in use; its names are those that an entry may give
   * @param defaults Fields by the names that the format gives them
   */
  constructor(attributes: DatasetAttributes, defaults: Readonly<Record<string, string | null>>) {
    const isRead = (name: string) => SHAPES_OF[name]?.includes(attributes.shape) ?? true;
    const used = Object.entries(attributes.columns).filter(([name, column]) =>
      column !== null && isRead(name)
    );
    this.#used = new Set(used.map(([, column]) => column!));
    this.#talks = new Set(used.filter(([name]) => !NO_TURNS.includes(name)).map(([, column]) => column!));
    this.#speaks = [...SPEAKS, ...Object.values(attributes.tags)];
    this.#usedOfTurns = new Set([...Object.values(attributes.tags), ...MARKS, ...TURN_FIELDS]);
    const usual = new Map(Object.entries(defaults).map(([name, field]) => [field, name]));
    this.#columns = Object.keys(attributes.columns).filter((name) => !MEDIA.includes(name) && isRead(name));
    this.#roleOf = (field) => {
      const name = usual.get(field) ?? field;
      return this.#columns.includes(name) ? name : undefined;
    };
  }

  /** Looks at one record. */
  see(file: string, record: unknown): void {
    if (typeof record !== "object" || record === null || Array.isArray(record)) return;
    for (const [key, value] of Object.entries(record)) {
      if (this.#talks.has(key)) this.#seeTurns(file, [value].flat());
      if (this.#used.has(key) || isEmpty(value) || (MARKS.includes(key) && isRowMark(value))) continue;
      count(this.#files, file, key);
    }
  }

  #seeTurns(file: string, turns: readonly unknown[]): void {
    for (const turn of turns) {
      if (typeof turn !== "object" || turn === null || Array.isArray(turn) || ArrayBuffer.isView(turn)) {
        continue;
      }
      if (!this.#speaks.some((field) => Object.hasOwn(turn, field))) continue;
      for (const [key, value] of Object.entries(turn)) {
        if (!this.#usedOfTurns.has(key) && !isEmpty(value)) count(this.#turns, file, key);
      }
    }
  }

  /** One note a file and kind (rows, turns); fields that have the name of a column first, then the most frequent. */
  notes(): string[] {
    return [...this.#rowNotes(), ...this.#turnNotes()];
  }

  #turnNotes(): string[] {
    return [...this.#turns].map(([file, counts]) => {
      const shown = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).slice(0, SHOWN).map((
        [key, turns],
      ) => `${JSON.stringify(key)} in ${turns.toLocaleString("en-US")} turn${turns === 1 ? "" : "s"}`);
      if (counts.size > SHOWN) shown.push(`${counts.size - SHOWN} more`);
      return `fields of turns of ${file} that nothing here uses (a model's own template may, with template: auto): ${
        shown.join(", ")
      }. Turns that aren't to be learnt are marked by one of ${MARKS.join(", ")}`;
    });
  }

  #rowNotes(): string[] {
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

function count(files: Map<string, Map<string, number>>, file: string, key: string): void {
  let counts = files.get(file);
  if (counts === undefined) files.set(file, counts = new Map());
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || value === "" ||
    (Array.isArray(value) && value.length === 0);
}
