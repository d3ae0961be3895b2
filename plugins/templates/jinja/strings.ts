/**
 * Methods of Python's `str`. Positions and lengths count code points.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { SPACE } from "../../../formats/python_text.ts";
import { bind, indexOf, textOf } from "./arguments.ts";
import { fits, markup } from "./operators.ts";
import {
  asText,
  iterate,
  type JinjaValue,
  type Kwargs,
  Markup,
  TemplateError,
  Tuple,
  typeName,
} from "./values.ts";

/** A method of a text. */
export type StringMethod = (self: string | Markup, args: readonly JinjaValue[], kwargs: Kwargs) => JinjaValue;

type Method = (
  text: string,
  bound: Record<string, JinjaValue | undefined>,
  self: string | Markup,
) => JinjaValue;

/** Methods whose text is Markup where the text is. */
const KEEP_MARKUP = new Set([
  ...[
    "capitalize",
    "casefold",
    "center",
    "expandtabs",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "replace",
    "rjust",
  ],
  ...["removeprefix", "removesuffix", "rstrip", "strip", "swapcase", "title", "upper", "zfill"],
]);

/** Names of parameters and what the method does. */
const METHODS: Readonly<Record<string, [parameters: string[], method: Method]>> = {
  capitalize: [[], (text) => capitalize(text)],
  casefold: [[], (text) => text.replaceAll("ß", "ss").toLowerCase()],
  center: [["width", "fillchar?"], (text, { width, fillchar }) => pad(text, width, fillchar, "center")],
  count: [["sub", "start?", "end?"], (text, { sub, start, end }) => {
    const part = textOf(sub, "count"), [within] = windowOf(text, start, end);
    return BigInt(part === "" ? within.length + 1 : within.join("").split(part).length - 1);
  }],
  endswith: [["suffix", "start?", "end?"], (text, { suffix, start, end }) => {
    const within = windowOf(text, start, end)[0].join("");
    return affixes(suffix!, "endswith").some((part) => within.endsWith(part));
  }],
  expandtabs: [["tabsize?"], (text, { tabsize }) => expandTabs(text, indexOf(tabsize, "expandtabs", 8))],
  find: [["sub", "start?", "end?"], (text, bound) => BigInt(find(text, bound, "indexOf"))],
  index: [["sub", "start?", "end?"], (text, bound) => found(find(text, bound, "indexOf"))],
  isalnum: [[], (text) => /^[\p{L}\p{Nd}\p{No}\p{Nl}]+$/u.test(text)],
  isalpha: [[], (text) => /^\p{L}+$/u.test(text)],
  isascii: [[], (text) => !/[^\0-\x7f]/.test(text)],
  isdecimal: [[], (text) => /^\p{Nd}+$/u.test(text)],
  isdigit: [[], (text) => /^[\p{Nd}²³¹⁰⁴-⁹₀-₉①-⑨⑴-⑼⒈-⒐]+$/u.test(text)],
  isidentifier: [[], (text) => /^[\p{ID_Start}_]\p{ID_Continue}*$/u.test(text)],
  islower: [[], (text) => /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text)],
  isnumeric: [[], (text) => /^\p{N}+$/u.test(text)],
  isprintable: [[], (text) => !/[^\P{C}]|[^\P{Z} ]/u.test(text)],
  isspace: [[], (text) => new RegExp(`^[${SPACE}]+$`, "u").test(text)],
  istitle: [[], (text) => /\p{L}/u.test(text) && title(text) === text],
  isupper: [[], (text) => /\p{Uppercase}/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text)],
  join: [["iterable"], (text, { iterable }, self) => join(text, iterable!, self)],
  ljust: [["width", "fillchar?"], (text, { width, fillchar }) => pad(text, width, fillchar, "left")],
  lower: [[], (text) => text.toLowerCase()],
  lstrip: [["chars?"], (text, { chars }) => stripCharacters(text, chars, true, false)],
  partition: [["sep"], (text, { sep }) => partition(text, textOf(sep, "partition"), "indexOf")],
  removeprefix: [["prefix"], (text, { prefix }) => {
    const part = textOf(prefix, "removeprefix");
    return text.startsWith(part) ? text.slice(part.length) : text;
  }],
  removesuffix: [["suffix"], (text, { suffix }) => {
    const part = textOf(suffix, "removesuffix");
    return part !== "" && text.endsWith(part) ? text.slice(0, -part.length) : text;
  }],
  replace: [["old", "new", "count?"], (text, { old, new: by, count }, self) => {
    const safe = (value: JinjaValue | undefined) =>
      self instanceof Markup ? markup(value!) : textOf(value, "replace");
    return replace(text, textOf(old, "replace"), safe(by), indexOf(count, "replace", -1));
  }],
  rfind: [["sub", "start?", "end?"], (text, bound) => BigInt(find(text, bound, "lastIndexOf"))],
  rindex: [["sub", "start?", "end?"], (text, bound) => found(find(text, bound, "lastIndexOf"))],
  rjust: [["width", "fillchar?"], (text, { width, fillchar }) => pad(text, width, fillchar, "right")],
  rpartition: [["sep"], (text, { sep }) => partition(text, textOf(sep, "rpartition"), "lastIndexOf")],
  rsplit: [["sep?", "maxsplit?"], (text, { sep, maxsplit }, self) => {
    const reversed = (part: string) => [...part].reverse().join("");
    const limit = indexOf(maxsplit, "rsplit", -1);
    const parts = split(reversed(text), sep == null ? null : reversed(textOf(sep, "rsplit")), limit);
    return pieces(parts.reverse().map(reversed), self);
  }],
  rstrip: [["chars?"], (text, { chars }) => stripCharacters(text, chars, false, true)],
  split: [["sep?", "maxsplit?"], (text, { sep, maxsplit }, self) => {
    const limit = indexOf(maxsplit, "split", -1);
    return pieces(split(text, sep == null ? null : textOf(sep, "split"), limit), self);
  }],
  splitlines: [
    ["keepends?"],
    (text, { keepends }, self) => pieces(splitLines(text, keepends === true), self),
  ],
  startswith: [["prefix", "start?", "end?"], (text, { prefix, start, end }) => {
    const within = windowOf(text, start, end)[0].join("");
    return affixes(prefix!, "startswith").some((part) => within.startsWith(part));
  }],
  strip: [["chars?"], (text, { chars }) => stripCharacters(text, chars, true, true)],
  swapcase: [
    [],
    (text) =>
      text.replace(
        /\p{L}/gu,
        (char) => /\p{Lowercase}/u.test(char) ? char.toUpperCase() : char.toLowerCase(),
      ),
  ],
  title: [[], (text) => title(text)],
  upper: [[], (text) => text.toUpperCase()],
  zfill: [["width"], (text, { width }) => {
    const missing = indexOf(width, "zfill") - codePointsOf(text).length;
    fits({ length: missing });
    return missing <= 0 ? text : text.replace(/^[-+]?/, (sign) => sign + "0".repeat(missing));
  }],
};

/** The methods by name. */
export const stringMethods: ReadonlyMap<string, StringMethod> = new Map<string, StringMethod>(
  Object.entries(METHODS).map(([name, [parameters, method]]): [string, StringMethod] => [
    name,
    (self, args, kwargs) => {
      const text = self instanceof Markup ? self.text : self;
      const value = method(text, bind(name, parameters, args, kwargs), self);
      return self instanceof Markup && typeof value === "string" && KEEP_MARKUP.has(name)
        ? new Markup(value)
        : value;
    },
  ]),
);

const SURROGATE = /[\ud800-\udfff]/;

/** Code points of a text, or the text itself where its units are the same. */
export function codePointsOf(text: string): string | string[] {
  return SURROGATE.test(text) ? [...text] : text;
}

function pieces(parts: readonly string[], self: string | Markup): JinjaValue[] {
  return self instanceof Markup ? parts.map((part) => new Markup(part)) : [...parts];
}

/** First character upper, the others lower. */
export function capitalize(text: string): string {
  const [first = "", ...others] = text;
  return titleCase(first) + others.join("").toLowerCase();
}

/** A character at the start of a word: "ß" becomes "Ss". */
function titleCase(char: string): string {
  const upper = char.toUpperCase();
  // letters of two characters that have a form of their own at the start of a word
  const index = ["Ǆ", "Ǉ", "Ǌ", "Ǳ"].indexOf(upper);
  if (index >= 0) return ["ǅ", "ǈ", "ǋ", "ǲ"][index]!;
  return upper.length > char.length ? upper[0] + upper.slice(1).toLowerCase() : upper;
}

function title(text: string): string {
  return text.replace(/[\p{Cased}]+/gu, capitalize);
}

/**
 * Text without characters at its ends.
 * @param chars null or undefined: white space.
 */
export function stripCharacters(
  text: string,
  chars: JinjaValue | undefined,
  atStart: boolean,
  atEnd: boolean,
): string {
  const set = chars == null ? null : new Set(textOf(chars, "strip"));
  const points = codePointsOf(text);
  const isOut = (char: string) => set === null ? WHITE.test(char) : set.has(char);
  let [from, to] = [0, points.length];
  while (atStart && from < to && isOut(item(points, from))) from++;
  while (atEnd && to > from && isOut(item(points, to - 1))) to--;
  return typeof points === "string" ? points.slice(from, to) : points.slice(from, to).join("");
}

const WHITE = new RegExp(`[${SPACE}]`, "u");
const WORD = new RegExp(`[^${SPACE}]+`, "gu");

function split(text: string, separator: string | null, limit: number): string[] {
  const parts: string[] = [];
  if (separator === "") throw new TemplateError("empty separator");
  if (separator !== null) {
    const all = text.split(separator);
    return limit < 0 || all.length <= limit + 1
      ? all
      : [...all.slice(0, limit), all.slice(limit).join(separator)];
  }
  for (const word of text.matchAll(WORD)) {
    if (limit >= 0 && parts.length === limit) {
      parts.push(text.slice(word.index));
      break;
    }
    parts.push(word[0]);
  }
  return parts;
}

const LINE_END = "\\r\\n|[\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029]";

/** Lines of a text, by all of Python's line ends. */
export function splitLines(text: string, keepEnds: boolean): string[] {
  const lines: string[] = [];
  let from = 0;
  for (const end of text.matchAll(new RegExp(LINE_END, "gu"))) {
    lines.push(text.slice(from, end.index + (keepEnds ? end[0].length : 0)));
    from = end.index + end[0].length;
  }
  if (from < text.length) lines.push(text.slice(from));
  return lines;
}

/** At most `count` replacements; below 0: all. */
export function replace(text: string, old: string, by: string, count: number): string {
  if (old === by || count === 0) return text;
  let parts: string[];
  if (old === "") {
    const points = [...text];
    parts = ["", ...points, ""];
    if (count >= 0 && count < parts.length - 1) {
      parts = [...parts.slice(0, count), parts.slice(count).join("")];
    }
  } else parts = split(text, old, count);
  fits({ length: text.length + (parts.length - 1) * by.length });
  return parts.join(by);
}

function join(text: string, iterable: JinjaValue, self: string | Markup): string {
  const items = iterate(iterable).map((value, i) => {
    if (self instanceof Markup) return markup(value);
    const part = asText(value);
    if (part !== undefined) return part;
    throw new TemplateError(`sequence item ${i}: expected str instance, ${typeName(value)} found`);
  });
  fits({ length: items.reduce((sum, part) => sum + part.length + text.length, 0) });
  return items.join(text);
}

/** Code points between two positions, and the position of the first. */
function windowOf(
  text: string,
  start: JinjaValue | undefined,
  end: JinjaValue | undefined,
): [string[], number] {
  const points = [...text];
  const place = (value: JinjaValue | undefined, otherwise: number) => {
    if (value === undefined || value === null) return otherwise;
    const index = indexOf(value, "slice");
    return Math.max(0, index < 0 ? index + points.length : index);
  };
  const from = place(start, 0);
  return [points.slice(from, place(end, points.length)), from];
}

function find(
  text: string,
  { sub, start, end }: Record<string, JinjaValue | undefined>,
  by: "indexOf" | "lastIndexOf",
): number {
  const [within, from] = windowOf(text, start, end);
  const joined = within.join("");
  const place = joined[by](textOf(sub, "find"));
  return place < 0 ? -1 : from + [...joined.slice(0, place)].length;
}

function found(place: number): bigint {
  if (place < 0) throw new TemplateError("substring not found");
  return BigInt(place);
}

function affixes(value: JinjaValue, name: string): string[] {
  if (value instanceof Tuple) return value.items.map((part) => textOf(part, name));
  return [textOf(value, name)];
}

function partition(text: string, separator: string, by: "indexOf" | "lastIndexOf"): Tuple {
  if (separator === "") throw new TemplateError("empty separator");
  const place = text[by](separator);
  if (place < 0) return new Tuple(by === "indexOf" ? [text, "", ""] : ["", "", text]);
  return new Tuple([text.slice(0, place), separator, text.slice(place + separator.length)]);
}

/** Text filled up to a width. */
export function pad(
  text: string,
  width: JinjaValue | undefined,
  fill: JinjaValue | undefined,
  side: "left" | "right" | "center",
): string {
  const char = fill === undefined ? " " : textOf(fill, side);
  if ([...char].length !== 1) {
    throw new TemplateError("the fill character must be exactly one character long");
  }
  const total = indexOf(width, side);
  const missing = Math.max(0, total - codePointsOf(text).length);
  fits({ length: missing });
  if (side === "left") return text + char.repeat(missing);
  if (side === "right") return char.repeat(missing) + text;
  // as CPython: the odd space goes to the left where the width is odd
  const left = Math.floor(missing / 2) + (missing & total & 1);
  return char.repeat(left) + text + char.repeat(missing - left);
}

function expandTabs(text: string, size: number): string {
  let column = 0, out = "";
  for (const char of text) {
    if (char === "\t") {
      const count = size > 0 ? size - (column % size) : 0;
      out += " ".repeat(count);
      column += count;
      fits(out);
    } else {
      out += char;
      column = char === "\n" || char === "\r" ? 0 : column + 1;
    }
  }
  return out;
}
