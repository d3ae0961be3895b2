/**
 * Places in files, and lines of files as messages show them.
 * @module
 */
import { item } from "../elements.ts";
import { bounded } from "../message.ts";
import { HIDDEN, isSecretName, redactSource } from "../secrets.ts";

/** A place in a file; line and column count from 1. */
export interface Place {
  /** File as it was named. */
  file: string;
  /** Line, from 1. */
  line: number;
  /** Column, from 1. */
  column: number;
}

/** `file:line:column`, or "" for no place. */
export function placeText(place: Place | undefined): string {
  return place ? `${place.file}:${place.line}:${place.column}` : "";
}

/** A fault of a YAML text; the message has the place and the line. */
export class YamlError extends SyntaxError {
  /** Only what is wrong. */
  readonly what: string;

  /** @param line Of the file, as {@linkcode sourceLine} shows it; "" for none */
  constructor(place: Place, what: string, line = "") {
    super(bounded(`Cannot read ${placeText(place)} as YAML: ${what}${line && `\n    ${line}`}`));
    this.name = "SyntaxError";
    this.what = what;
  }
}

/** Characters of a line that a message shows. */
const WIDTH = 120;

/**
 * The line of a text that a message shows, around a column; hidden when it, or a key that it stands under, is secret.
 * @param line From 1
 * @param column From 1
 */
export function sourceLine(text: string, line: number, column: number): string {
  const lines = text.split("\n");
  const source = lines[line - 1]?.trimEnd() ?? "";
  if (keysAbove(lines, line - 1).some(isSecretName)) return HIDDEN;
  const start = Math.max(0, Math.min(column - 1 - WIDTH / 2, source.length - WIDTH));
  // a secret that is cut in two would not be known any more
  const near = redactSource(source.slice(Math.max(0, start - 1000), start + WIDTH + 1000));
  if (source.length <= WIDTH) return near;
  const from = Math.min(start, 1000);
  return `${from > 0 ? "…" : ""}${near.slice(from, from + WIDTH)}…`;
}

/** Keys of a line of block YAML and of the lines that it is indented under. */
function keysAbove(lines: readonly string[], index: number): string[] {
  const keys: string[] = [];
  let indent = Infinity;
  for (let i = index; i >= 0 && indent > 0; i--) {
    const found = /^([\s-]*)(?:(["']?)([\w.-]+)\2\s*:)?/.exec(item(lines, i).slice(0, 2000))!;
    const depth = item(lines, i).trim() === "" ? Infinity : item(found, 1).length;
    if (i !== index && depth >= indent) continue;
    if (found[3] !== undefined) keys.push(found[3]);
    indent = Math.min(indent, depth);
  }
  return keys;
}
