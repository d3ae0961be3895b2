/**
 * Methods of Python's `str`. Positions and lengths count code points.
 * @module
 */
import { SPACE } from "../../../formats/python_text.ts";
import { bind, indexOf, textOf } from "./arguments.ts";
import { fits, markup } from "./operators.ts";
import { capitalize, title } from "./string_case.ts";
import { affixes, codePointsOf, find, found, stripCharacters, windowOf } from "./string_search.ts";
import { join, partition, replace, split, splitLines } from "./string_split.ts";
import { expandTabs, pad } from "./string_width.ts";
import { type JinjaValue, type Kwargs, Markup } from "./values.ts";

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

function pieces(parts: readonly string[], self: string | Markup): JinjaValue[] {
  return self instanceof Markup ? parts.map((part) => new Markup(part)) : [...parts];
}
