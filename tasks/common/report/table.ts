/**
 * Tables for a terminal and for files: plain text within a width, Markdown, CSV and LaTeX.
 * @module
 */
import stringWidth from "fast-string-width";

/** One column. */
export interface Column {
  /** Text of its head. */
  title: string;
  /** Texts stand left, numbers right (default). */
  align?: "left" | "right";
  /** In a terminal that is too narrow the column with the largest number is left out first; absent: never. */
  spare?: number;
}

/** Columns and rows of texts, each row as long as the columns. */
export interface Table {
  /** From left to right. */
  columns: readonly Column[];
  /** Cells of each row, in the columns' order. */
  rows: readonly (readonly string[])[];
}

/**
 * Columns of the terminal that standard output is; 80 elsewhere, and of a terminal that nobody gave a size.
 * @param columns What the terminal says; 0: nothing
 */
export function terminalWidth(columns: () => number = shownColumns): number {
  try {
    return columns() || 80;
  } catch {
    return 80;
  }
}

function shownColumns(): number {
  return Deno.stdout.isTerminal() ? Deno.consoleSize().columns : 0;
}

const GAP = "  ";

/** Least width of the first column. */
const NARROWEST = 4;

/**
 * Aligned lines, none wider than the terminal: spare columns are left out, and named in a last line, then texts of the first
 * column are shortened, then the columns stand below each other in parts, each behind the first column. Wide characters (Chinese, emoji) count twice, as terminals show them.
 * @param width Characters a line
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { textTable } from "./table.ts";
 *
 * const columns = [{ title: "score", align: "left" as const }, { title: "value" }];
 * assertEquals(textTable({ columns, rows: [["followed", "0.5"]] }), ["score     value", "followed    0.5"]);
 * ```
 */
export function textTable({ columns, rows }: Table, width: number = terminalWidth()): string[] {
  const cells = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, c) => Math.max(...cells.map((row) => stringWidth(row[c] ?? ""))));
  const shown = new Set(columns.keys());
  const total = () => [...shown].reduce((sum, c) => sum + (widths[c] ?? 0) + GAP.length, -GAP.length);
  const spare = [...columns.entries()].filter(([, { spare }]) => spare !== undefined)
    .sort(([, a], [, b]) => (b.spare ?? 0) - (a.spare ?? 0));
  const left: string[] = [];
  for (const [c, { title }] of spare) {
    if (total() <= width) break;
    shown.delete(c);
    left.push(title);
  }
  const [first = 0, ...others] = shown, name = widths[first] ?? 0, rest = total() - name;
  const isNarrow = rest + NARROWEST > width;
  if (isNarrow) {
    for (const c of others) {
      widths[c] = Math.min(widths[c] ?? 0, width - NARROWEST - GAP.length);
    }
  }
  const beside = isNarrow ? GAP.length + Math.max(0, ...others.map((c) => widths[c] ?? 0)) : rest;
  widths[first] = Math.max(NARROWEST, Math.min(name, width - beside));
  const parts = isNarrow ? fittingParts(others, widths, width - (widths[first] ?? 0)) : [others];
  const lines = parts.flatMap((part, i) => [
    ...i === 0 ? [] : [""],
    ...alignedRows(
      cells.map((row) => [first, ...part].map((c) => shortened(row[c] ?? "", widths[c] ?? 0))),
      [first, ...part].map((c) => columns[c]?.align ?? "right"),
    ),
  ]);
  return left.length === 0
    ? lines
    : [...lines, ...wrapped(`(left out at this width: ${left.join(", ")})`.split(" "), width)];
}

/** Columns in their order, in parts that take no more than `room` with the gaps in front of them. */
function fittingParts(columns: readonly number[], widths: readonly number[], room: number): number[][] {
  const parts: number[][] = [];
  let taken = Infinity;
  for (const c of columns) {
    const wanted = GAP.length + (widths[c] ?? 0);
    if (taken + wanted > room) {
      parts.push([]);
      taken = 0;
    }
    parts.at(-1)?.push(c);
    taken += wanted;
  }
  return parts;
}

/**
 * Lines of rows of texts whose columns stand below each other, two spaces apart.
 * @param align Of each column; `left` where there is none
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { alignedRows } from "./table.ts";
 *
 * assertEquals(alignedRows([["a", "10"], ["bcd", "9"]], ["left", "right"]), ["a    10", "bcd   9"]);
 * ```
 */
export function alignedRows(
  rows: readonly (readonly string[])[],
  align: readonly ("left" | "right")[] = [],
): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from(
    { length: columns },
    (_, c) => Math.max(...rows.map((row) => stringWidth(row[c] ?? ""))),
  );
  return rows.map((row) =>
    row.map((text, c) => padded(text, widths[c] ?? 0, align[c] ?? "left")).join(GAP).trimEnd()
  );
}

/** Whole words within a width, further lines indented; a word that is longer than a line is shortened. */
export function wrapped(words: readonly string[], width: number = terminalWidth(), indent = "  "): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words.map((word) => shortened(word, width - indent.length))) {
    const next = line === "" ? word : `${line} ${word}`;
    if (line !== "" && stringWidth(next) > width) {
      lines.push(line);
      line = indent + word;
    } else line = next;
  }
  return line === "" ? lines : [...lines, line];
}

function padded(text: string, width: number, align: "left" | "right"): string {
  const room = " ".repeat(Math.max(0, width - stringWidth(text)));
  return align === "left" ? text + room : room + text;
}

function shortened(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = "";
  for (const character of text) {
    if (stringWidth(kept + character) > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/** A Markdown table. */
export function markdownTable({ columns, rows }: Table): string[] {
  const line = (row: readonly string[]) => `| ${row.map(markdownText).join(" | ")} |`;
  return [
    line(columns.map(({ title }) => title)),
    `| ${columns.map(({ align }) => align === "left" ? "---" : "---:").join(" | ")} |`,
    ...rows.map(line),
  ];
}

/** Text in one line of Markdown that can't be markup. */
export function markdownText(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll(/[\\`*_<>|[\]#]/g, "\\$&");
}

/** CSV as RFC 4180 has it; a cell that a spreadsheet would take for a formula is quoted with an apostrophe in front. */
export function csvTable({ columns, rows }: Table): string {
  const cell = (text: string) => {
    const safe = /^[=@\t\r]|^[+-](?![\d.])/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [columns.map(({ title }) => title), ...rows].map((row) => row.map(cell).join(",") + "\r\n").join("");
}

/** A LaTeX tabular with booktabs' rules. */
export function latexTable({ columns, rows }: Table): string {
  // a bracket or an asterisk at a row's beginning would be an argument of the command before it
  const line = (row: readonly string[]) =>
    `${row.map(latexText).join(" & ").replace(/^(?=[[*])/, "{}")} \\\\`;
  return [
    "% needs \\usepackage{booktabs}",
    `\\begin{tabular}{${columns.map(({ align }) => align === "left" ? "l" : "r").join("")}}`,
    "\\toprule",
    line(columns.map(({ title }) => title)),
    "\\midrule",
    ...rows.map(line),
    "\\bottomrule",
    "\\end{tabular}",
    "",
  ].join("\n");
}

const LATEX: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "–": "--",
  "−": "$-$",
  "…": "\\ldots{}",
  // in LaTeX's oldest and default encoding these are other characters
  "<": "\\textless{}",
  ">": "\\textgreater{}",
  "|": "\\textbar{}",
};

/** Text that LaTeX sets as it is, the sign of a negative number as a minus. */
export function latexText(text: string): string {
  return text.replaceAll(/\s+/g, " ")
    .replaceAll(/[\\~^–−…<>|]|[&%$#_{}]/g, (c) => LATEX[c] ?? `\\${c}`)
    .replaceAll(/(?<![\w.$-])-(?=\.?\d)/g, "$$-$$");
}
