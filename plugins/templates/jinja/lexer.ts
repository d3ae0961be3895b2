/**
 * Splits a Jinja template into tokens, by the rules of Jinja2 3.1 (module jinja2.lexer) with the settings of transformers:
 * `trim_blocks`, `lstrip_blocks`, no line statements, one trailing newline left out.
 * @module
 */
import { SPACE } from "../../../formats/python_text.ts";
import { TemplateError } from "./values.ts";

/** One token. `operator` tokens hold the operator, `string` tokens the text without quotes and escapes. */
export interface Token {
  /** Kind of token, named as in Jinja's own lexer. */
  type:
    | "data"
    | "variable_begin"
    | "variable_end"
    | "block_begin"
    | "block_end"
    | "name"
    | "string"
    | "integer"
    | "float"
    | "operator"
    | "eof";
  /** Text of the token. */
  value: string;
  /** Line of the template, from 1. */
  line: number;
}

const WHITE = new RegExp(`[${SPACE}]`, "u");
const ALL_WHITE = new RegExp(`^[${SPACE}]+$`, "u");

const sticky = (source: string) => new RegExp(source, "suy");

const BEGIN = new RegExp(
  `\\{%([-+]?)[${SPACE}]*raw[${SPACE}]*(?:-%\\}[${SPACE}]*|%\\})|(\\{\\{|\\{%|\\{#)([-+]?)`,
  "gsu",
);
const COMMENT_END = new RegExp(`\\+#\\}|-#\\}[${SPACE}]*|#\\}\\n?`, "gsu");
const RAW_END = new RegExp(
  `\\{%([-+]?)[${SPACE}]*endraw[${SPACE}]*(?:\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?)`,
  "gsu",
);
const BLOCK_END = sticky(`\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?`);
const VARIABLE_END = sticky(`-\\}\\}[${SPACE}]*|\\}\\}`);
const RULES: readonly [Token["type"] | "space", RegExp][] = [
  ["space", sticky(`[${SPACE}]+`)],
  [
    "float",
    sticky("(?<!\\.)(?:\\d+_)*\\d+(?:(?:\\.(?:\\d+_)*\\d+)?[eE][+-]?(?:\\d+_)*\\d+|\\.(?:\\d+_)*\\d+)"),
  ],
  [
    "integer",
    sticky("0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\\da-fA-F])+|[1-9](?:_?\\d)*|0(?:_?0)*"),
  ],
  ["name", sticky("\\p{ID_Continue}+")],
  ["string", sticky("'[^'\\\\]*(?:\\\\.[^'\\\\]*)*'|\"[^\"\\\\]*(?:\\\\.[^\"\\\\]*)*\"")],
  ["operator", sticky("//|\\*\\*|==|!=|>=|<=|[-+/*%~[\\](){}><=.:|,;]")],
];
const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

/**
 * Tokens of a template, without comments and white space, `eof` at the end.
 * @throws {TemplateError} With the line, if the text isn't a Jinja template.
 */
export function tokenize(template: string): Token[] {
  const source = template.replace(/\r\n|\r/g, "\n").replace(/\n$/, "");
  const lines = new Lines(source);
  const tokens: Token[] = [];
  const add = (type: Token["type"], value: string, position: number) =>
    tokens.push({ type, value, line: lines.at(position) });
  const startsLine = (place: number) => place === 0 || source[place - 1] === "\n";
  let position = 0;
  while (position < source.length) {
    BEGIN.lastIndex = position;
    const begin = BEGIN.exec(source);
    const text = source.slice(position, begin?.index ?? source.length);
    const data = begin === null
      ? text
      : stripped(text, startsLine(position), begin[1] ?? begin[3]!, begin[2]);
    if (data !== "") add("data", data, position);
    if (begin === null) break;
    position = begin.index + begin[0].length;
    if (begin[2] === "{#") {
      COMMENT_END.lastIndex = position;
      const end = COMMENT_END.exec(source);
      if (end === null) throw new TemplateError(`line ${lines.at(begin.index)}: the comment isn't closed`);
      position = end.index + end[0].length;
    } else if (begin[2] === undefined) {
      RAW_END.lastIndex = position;
      const end = RAW_END.exec(source);
      if (end === null) throw new TemplateError(`line ${lines.at(begin.index)}: raw isn't closed by endraw`);
      const raw = stripped(source.slice(position, end.index), startsLine(position), end[1]!, "{%");
      if (raw !== "") add("data", raw, position);
      position = end.index + end[0].length;
    } else {
      const kind = begin[2] === "{{" ? "variable" : "block";
      add(`${kind}_begin`, begin[2], begin.index);
      position = tagTokens({ source, lines, add }, position, kind);
    }
  }
  add("eof", "", source.length);
  return tokens;
}

/** Text in front of a tag: `-` takes white space away, `lstrip_blocks` the indentation of a block or comment. */
function stripped(
  text: string,
  startsLine: boolean,
  sign: string,
  tag: string | undefined,
): string {
  if (sign === "-") {
    let end = text.length;
    while (end > 0 && WHITE.test(text[end - 1]!)) end--;
    return text.slice(0, end);
  }
  if (sign === "+" || tag === "{{") return text;
  const start = text.lastIndexOf("\n") + 1;
  return (start > 0 || startsLine) && ALL_WHITE.test(text.slice(start)) ? text.slice(0, start) : text;
}

/** Adds the tokens of one tag; returns the position behind it. */
function tagTokens(
  { source, lines, add }: {
    source: string;
    lines: Lines;
    add(type: Token["type"], value: string, position: number): void;
  },
  from: number,
  kind: "variable" | "block",
): number {
  const end = kind === "block" ? BLOCK_END : VARIABLE_END;
  const open: string[] = [];
  let position = from;
  for (;;) {
    end.lastIndex = position;
    const closing = open.length === 0 ? end.exec(source) : null;
    if (closing !== null) {
      add(`${kind}_end`, closing[0], position);
      return position + closing[0].length;
    }
    const [type, text] = next(source, position, lines);
    if (type === "operator") {
      if (text in CLOSING) open.push(CLOSING[text]!);
      else if (")]}".includes(text) && open.pop() !== text) {
        throw new TemplateError(`line ${lines.at(position)}: unexpected "${text}"`);
      }
    }
    if (type !== "space") add(type, type === "string" ? unescape(text, lines.at(position)) : text, position);
    position += text.length;
  }
}

function next(source: string, position: number, lines: Lines): [Token["type"] | "space", string] {
  for (const [type, rule] of RULES) {
    rule.lastIndex = position;
    const match = rule.exec(source);
    if (match !== null) return [type, match[0]];
  }
  const what = position >= source.length
    ? "the template ends within a tag"
    : `unexpected "${source[position]}"`;
  throw new TemplateError(`line ${lines.at(position)}: ${what}`);
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\n": "",
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** Text of a literal as Python's `unicode-escape` reads it: unknown escapes stay as they are. */
function unescape(literal: string, line: number): string {
  return literal.slice(1, -1).replace(
    /\\([0-7]{1,3}|x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|.)/gsu,
    (all, escape: string) => {
      if (/^[0-7]/.test(escape)) return String.fromCharCode(parseInt(escape, 8));
      if (escape.length > 1 && "xuU".includes(escape[0]!)) {
        return String.fromCodePoint(parseInt(escape.slice(1), 16));
      }
      if (escape in ESCAPES) return ESCAPES[escape]!;
      if ("xuUN".includes(escape)) throw new TemplateError(`line ${line}: escape ${all} isn't complete`);
      const code = escape.codePointAt(0)!;
      if (code < 128) return all;
      // Jinja2 writes characters beyond ASCII as escapes first, which a backslash in front then undoes
      const hex = code.toString(16);
      return `\\${
        code < 256 ? `x${hex}` : code < 65536 ? `u${hex.padStart(4, "0")}` : `U${hex.padStart(8, "0")}`
      }`;
    },
  );
}

/** Line numbers of positions, which only grow. */
class Lines {
  #line = 1;
  #position = 0;
  constructor(readonly source: string) {}

  at(position: number): number {
    if (position < this.#position) [this.#line, this.#position] = [1, 0];
    for (; this.#position < position; this.#position++) {
      if (this.source[this.#position] === "\n") this.#line++;
    }
    return this.#line;
  }
}
