/**
 * Texts that come at the same time, shown beside each other: a row is printed as soon as every column has it whole.
 * @module
 */
import stringWidth from "fast-string-width";

/** Between two columns. */
const GAP = " │ ";

/** Rows of several columns. */
export class Columns {
  readonly #width: number;
  readonly #rows: string[][];
  readonly #open: string[];
  readonly #ended: boolean[];
  #printed = 0;

  /**
   * @param titles Of the columns
   * @param total Columns of the terminal
   * @param print Gets whole rows
   */
  constructor(titles: readonly string[], total: number, readonly print: (row: string) => void) {
    this.#width = Math.max(8, Math.floor((total - GAP.length * (titles.length - 1)) / titles.length));
    this.#rows = titles.map(() => []);
    this.#open = titles.map(() => "");
    this.#ended = titles.map(() => false);
    this.print(this.#row(titles.map((title) => cut(title, this.#width))));
    this.print(titles.map(() => "─".repeat(this.#width)).join("─┼─"));
  }

  /** Adds text to a column. */
  push(column: number, text: string): void {
    const lines = (this.#open[column] + text).split("\n");
    const last = lines.pop() ?? "";
    const rows = this.#rows[column];
    for (const line of lines) rows?.push(...rowsOf(line, this.#width));
    // the last row may still grow
    const open = rowsOf(last, this.#width);
    rows?.push(...open.slice(0, -1));
    this.#open[column] = open.at(-1) ?? "";
    this.#flush();
  }

  /** A column has no more text. */
  end(column: number): void {
    if (this.#open[column] !== "") this.#rows[column]?.push(this.#open[column] ?? "");
    this.#open[column] = "";
    this.#ended[column] = true;
    this.#flush();
  }

  #flush(): void {
    const has = (column: number) =>
      this.#ended[column] === true || (this.#rows[column]?.length ?? 0) > this.#printed;
    const some = () => this.#rows.some((rows) => rows.length > this.#printed);
    while (some() && this.#rows.every((_, column) => has(column))) {
      this.print(this.#row(this.#rows.map((rows) => rows[this.#printed] ?? "")));
      this.#printed++;
    }
  }

  #row(cells: readonly string[]): string {
    return cells.map((cell) => cell + " ".repeat(Math.max(0, this.#width - stringWidth(cell)))).join(GAP)
      .trimEnd();
  }
}

/** A line in rows of at most `width` columns, broken at spaces where there are any. */
function rowsOf(line: string, width: number): string[] {
  const rows: string[] = [];
  let row = "";
  for (const word of line.split(/(?<= )/)) {
    if (stringWidth((row + word).trimEnd()) <= width) {
      row += word;
      continue;
    }
    if (row !== "") rows.push(row.trimEnd());
    row = word;
    while (stringWidth(row.trimEnd()) > width) {
      const part = cut(row, width);
      rows.push(part);
      row = row.slice(part.length);
    }
  }
  return [...rows, row];
}

/** As many characters as fit. */
function cut(text: string, width: number): string {
  let part = "";
  for (const char of text) {
    if (stringWidth(part + char) > width) break;
    part += char;
  }
  return part;
}
