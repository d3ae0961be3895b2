/**
 * Lines of a help within 80 columns.
 * @module
 */
import stringWidth from "fast-string-width";

import { wrapped } from "../report/table.ts";

/** Columns of a terminal that nobody made wider. */
export const HELP_WIDTH = 80;

/** Lines of a help, none wider than 80 columns where it can be broken: notes go below their command, prose at a space. */
export function helpLines(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    if (stringWidth(line) <= HELP_WIDTH) return [line];
    const noted = /^( +)(\S.*?) {2,}(\S.*)$/.exec(line);
    if (noted) return [`${noted[1]}${noted[2]}`, ...hung(noted[3] ?? "", `${noted[1]}    `)];
    return line.startsWith(" ") ? [line] : hung(line, "");
  });
}

/** Text of a task's `--help`: usage and flags, within 80 columns. */
export function usage(lines: readonly string[], flags: Readonly<Record<string, string>>): string {
  const texts = Object.fromEntries(Object.entries(flags).map(([flag, what]) => [`--${flag}`, what]));
  return [...helpLines(lines), "", ...entryLines(texts)].join("\n");
}

/** Names with their texts beside them, in two columns. */
export function entryLines(texts: Readonly<Record<string, string>>): string[] {
  const column = Math.max(...Object.keys(texts).map((name) => stringWidth(name))) + 4;
  return Object.entries(texts).flatMap(([name, text]) => {
    const [first = "", ...rest] = hung(text, " ".repeat(column));
    return [`  ${name}`.padEnd(column) + first.trimStart(), ...rest];
  });
}

/** A text behind an indent, broken at spaces. */
function hung(text: string, indent: string): string[] {
  return wrapped(text.split(" "), HELP_WIDTH - indent.length, "").map((line) => indent + line);
}
