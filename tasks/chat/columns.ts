/**
 * Texts that come at the same time, shown beside each other: a row is printed as soon as every column has it whole.
 * @module
 */
import stringWidth from "fast-string-width";

/** Between two columns. */
const GAP = " │ ";

/** Rows of several columns. */
export class Columns {
  /** Text of each column that isn't printed yet. */
  readonly #left: string[];
  readonly #ended: boolean[];

  /**
   * @param titles Of the columns
   * @param total Columns of the terminal; asked for every row, as it may get another size meanwhile
   * @param print Gets whole rows
   */
  constructor(
    titles: readonly string[],
    readonly total: () => number,
    readonly print: (row: string) => void,
  ) {
    this.#left = titles.map(() => "");
    this.#ended = titles.map(() => false);
    const width = this.#width();
    this.#row(titles.map((title) => cut(title, width)), width);
    this.print(titles.map(() => "─".repeat(width)).join("─┼─"));
  }

  /** Adds text to a column. */
  push(column: number, text: string): void {
    // a tab's width depends on where it stands
    this.#left[column] += text.replaceAll("\t", "    ");
    this.#flush();
  }

  /** A column has no more text. */
  end(column: number): void {
    this.#ended[column] = true;
    this.#flush();
  }

  #flush(): void {
    for (;;) {
      const width = this.#width();
      const rows = this.#left.map((text, column) => firstRow(text, width, this.#ended[column] === true));
      if (rows.includes(null) || this.#left.every((text) => text === "")) return;
      this.#row(rows.map((row) => row?.text ?? ""), width);
      rows.forEach((row, column) => this.#left[column] = this.#left[column]?.slice(row?.length) ?? "");
    }
  }

  #width(): number {
    const { length } = this.#left;
    return Math.max(8, Math.floor((this.total() - GAP.length * (length - 1)) / length));
  }

  #row(cells: readonly string[], width: number): void {
    this.print(
      cells.map((cell) => cell + " ".repeat(Math.max(0, width - stringWidth(cell)))).join(GAP).trimEnd(),
    );
  }
}

/**
 * The first row of a text, broken at a space where there is one, and how many characters of the text it takes; null while it
 * may still grow.
 */
function firstRow(text: string, width: number, isWhole: boolean): { text: string; length: number } | null {
  const end = text.indexOf("\n"), line = end < 0 ? text : text.slice(0, end);
  let row = "";
  for (const word of line.split(/(?<= )/)) {
    if (stringWidth((row + word).trimEnd()) > width) {
      // a word that is longer than a row is cut where the row is full
      if (row === "") row = cut(word, width);
      return { text: row.trimEnd(), length: row.length };
    }
    row += word;
  }
  if (end < 0 && !isWhole) return null;
  return { text: row.trimEnd(), length: end < 0 ? row.length : end + 1 };
}

/** As many characters as fit. */
function cut(text: string, width: number): string {
  let part = "";
  // an emoji of several code points stays whole
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(part + segment) > width) break;
    part += segment;
  }
  return part;
}
