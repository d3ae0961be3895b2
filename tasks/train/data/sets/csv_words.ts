/**
 * Cells of csv files with a word that pandas, and so LLaMA-Factory, takes for no value: texts here, and told.
 * @module
 */
import { recordType } from "../../../../formats/records/record_type.ts";
import type { DatasetAttributes } from "../../../../plugins/kinds/dataset.ts";

/** pandas, `read_csv`, na_values; an empty cell is no value here too. */
const WORDS: ReadonlySet<string> = new Set([
  ...["#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>"],
  ...["N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"],
]);

/** Counts such cells of the columns in use, file by file. */
export class CsvWords {
  readonly #columns: readonly string[];
  readonly #files = new Map<string, { count: number; first: string }>();

  /** @param attributes The columns in use */
  constructor({ columns }: DatasetAttributes) {
    this.#columns = Object.values(columns).filter((column) => column !== null);
  }

  /** Looks at one record. */
  see(file: string, record: unknown, line: number | null): void {
    if (!recordType(file).startsWith("csv") || typeof record !== "object" || record === null) return;
    for (const column of this.#columns) {
      const cell = Object.hasOwn(record, column) ? (record as Record<string, unknown>)[column] : undefined;
      if (typeof cell !== "string" || !WORDS.has(cell)) continue;
      const known = this.#files.get(file);
      if (known) known.count++;
      else this.#files.set(file, { count: 1, first: `"${cell}" (${column}, line ${line})` });
    }
  }

  /** One note a file. */
  notes(): string[] {
    return [...this.#files].map(([file, { count, first }]) =>
      `${count.toLocaleString("en-US")} cell${count === 1 ? "" : "s"} of ${file} hold${
        count === 1 ? "s" : ""
      } a word that LLaMA-Factory's ` +
      `reader takes for no value, the first is ${first}: it is a text here. Leave the cell empty for no value`
    );
  }
}
