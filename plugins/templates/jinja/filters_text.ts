/**
 * Filters that give text or numbers (module jinja2.filters).
 * @module
 */
import { item, valueOf } from "../../../formats/elements.ts";
import { indexOf, textOf } from "./arguments.ts";
import { formatPercent } from "./format.ts";
import { toJson } from "./json.ts";
import { divideExactly, parseFloatText, parseInteger, roundFloat } from "./numbers.ts";
import { asNumber, escapeMarkup, fits, markup } from "./operators.ts";
import { str } from "./print.ts";
import { capitalize } from "./string_case.ts";
import { stripCharacters } from "./string_search.ts";
import { replace, splitLines } from "./string_split.ts";
import { pad } from "./string_width.ts";
import { stringMethods } from "./strings.ts";
import {
  asText,
  Dict,
  iterate,
  type JinjaValue,
  type Kwargs,
  Markup,
  TemplateError,
  truthy,
  Tuple,
  typeName,
  Undefined,
} from "./values.ts";

/** Names of parameters behind the value, and what the filter does. */
export type FilterRule = [
  parameters: string[],
  filter: (value: JinjaValue, bound: Record<string, JinjaValue | undefined>) => JinjaValue,
];

/** The text of a value, still Markup where it is. */
function soft(value: JinjaValue, change: (text: string) => string): JinjaValue {
  return value instanceof Markup ? new Markup(change(value.text)) : change(str(value));
}

/** The filters by name, without `format`. */
export const textFilters: Readonly<Record<string, FilterRule>> = {
  abs: [[], (value) => {
    const number = asNumber(value);
    if (number === undefined) throw new TemplateError(`bad operand type for abs(): '${typeName(value)}'`);
    return number < 0 || Object.is(number, -0) ? -number : number;
  }],
  capitalize: [[], (value) => soft(value, capitalize)],
  center: [
    ["width?"],
    (value, { width }) => soft(value, (text) => pad(text, width ?? 80n, undefined, "center")),
  ],
  e: [[], (value) => new Markup(markup(value))],
  escape: [[], (value) => new Markup(markup(value))],
  filesizeformat: [
    ["binary?"],
    (value, { binary }) => fileSize(value, binary !== undefined && truthy(binary)),
  ],
  float: [["default?"], (value, { default: otherwise }) => {
    if (value instanceof Undefined) value.fail();
    const number = asNumber(value), text = asText(value);
    return number !== undefined
      ? Number(number)
      : (text === undefined ? null : parseFloatText(text)) ?? otherwise ?? 0;
  }],
  forceescape: [[], (value) => new Markup(escapeMarkup(str(value)))],
  indent: [["width?", "first?", "blank?"], indent],
  int: [["default?", "base?"], integer],
  lower: [[], (value) => soft(value, (text) => text.toLowerCase())],
  replace: [
    ["old", "new", "count?"],
    (value, { old, new: by, count }) =>
      replace(str(value), str(old!), str(by!), count == null ? -1 : indexOf(count, "replace")),
  ],
  round: [["precision?", "method?"], round],
  safe: [[], (value) => new Markup(str(value))],
  string: [[], (value) => value instanceof Markup ? value : str(value)],
  striptags: [[], (value) => {
    const plain = str(value).replace(/<!--.*?-->/gs, "").replace(/<.*?>/gs, "");
    return unescapeHtml(stringWords(plain).join(" "));
  }],
  title: [[], (value) =>
    soft(value, (text) =>
      text.split(/([-\s({[<]+)/u).map((part) => {
        const [first = "", ...others] = part;
        return first.toUpperCase() + others.join("").toLowerCase();
      }).join(""))],
  tojson: [["ensure_ascii?", "indent?", "separators?", "sort_keys?"], (value, bound) => toJson(value, bound)],
  trim: [["chars?"], (value, { chars }) => soft(value, (text) => stripCharacters(text, chars, true, true))],
  truncate: [["length?", "killwords?", "end?", "leeway?"], truncate],
  upper: [[], (value) => soft(value, (text) => text.toUpperCase())],
  urlencode: [[], urlEncode],
  wordcount: [[], (value) => BigInt(str(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)],
  xmlattr: [["autospace?"], (value, { autospace }) => {
    if (!(value instanceof Dict)) {
      throw new TemplateError(`'${typeName(value)}' object has no attribute 'items'`);
    }
    const parts = value.items().filter(([, item]) => item !== null && !(item instanceof Undefined)).map(
      ([key, item]) => {
        if (/[\s/>=]/.test(str(key))) {
          throw new TemplateError(`Invalid character in attribute name: ${str(key)}`);
        }
        return `${markup(key)}="${markup(item)}"`;
      },
    );
    const isSpaced = parts.length > 0 && (autospace === undefined || truthy(autospace));
    return (isSpaced ? " " : "") + parts.join(" ");
  }],
};

/**
 * `text | format(...)`.
 * @throws {TemplateError} If there are both positional and named arguments, or they don't fit the text
 */
export function formatFilter(value: JinjaValue, args: readonly JinjaValue[], kwargs: Kwargs): JinjaValue {
  if (args.length > 0 && kwargs.size > 0) {
    throw new TemplateError("format can't handle positional and keyword arguments at the same time");
  }
  const values = kwargs.size > 0 ? new Dict(kwargs) : new Tuple(args);
  return formatPercent(value instanceof Markup ? value : str(value), values);
}

function stringWords(text: string): string[] {
  return (valueOf(stringMethods, "split")(text, [], new Map()) as string[]);
}

function unescapeHtml(text: string): string {
  const names: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\xa0" };
  return text.replace(
    /&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi,
    (all, decimal, hex, name) =>
      name ? names[name] ?? all : String.fromCodePoint(decimal ? Number(decimal) : parseInt(hex, 16)),
  );
}

function indent(
  value: JinjaValue,
  { width, first, blank }: Record<string, JinjaValue | undefined>,
): JinjaValue {
  if (asText(value) === undefined) {
    if (value instanceof Undefined) value.fail();
    throw new TemplateError(`indent needs text: current value is of type ${typeName(value)}`);
  }
  const unit = asText(width) ?? " ".repeat(fits({ length: Math.max(0, indexOf(width, "indent", 4)) }).length);
  return soft(value, (text) => {
    const [start = "", ...lines] = splitLines(`${text}\n`, false);
    const isBlank = blank !== undefined && truthy(blank);
    const others = lines.map((line) => `\n${line !== "" || isBlank ? unit : ""}${line}`);
    return (first !== undefined && truthy(first) ? unit : "") + fits(start + others.join(""));
  });
}

function integer(
  value: JinjaValue,
  { default: otherwise, base }: Record<string, JinjaValue | undefined>,
): JinjaValue {
  if (value instanceof Undefined) value.fail();
  const number = asNumber(value), text = asText(value);
  if (number !== undefined) {
    if (typeof number === "bigint") return number;
    return Number.isFinite(number) ? BigInt(Math.trunc(number)) : otherwise ?? 0n;
  }
  if (text === undefined) return otherwise ?? 0n;
  const whole = parseInteger(text, indexOf(base, "int", 10));
  const float = whole === null ? parseFloatText(text) : null;
  return whole ?? (float !== null && Number.isFinite(float) ? BigInt(Math.trunc(float)) : otherwise ?? 0n);
}

function round(value: JinjaValue, { precision, method }: Record<string, JinjaValue | undefined>): JinjaValue {
  const digits = indexOf(precision, "round", 0), how = method === undefined ? "common" : str(method);
  if (!["common", "ceil", "floor"].includes(how)) {
    throw new TemplateError("method must be common, ceil or floor");
  }
  const number = asNumber(value);
  if (number === undefined) {
    if (value instanceof Undefined) value.fail();
    throw new TemplateError(`type ${typeName(value)} doesn't define __round__ method`);
  }
  if (how === "common") {
    if (typeof number === "number") return roundFloat(number, digits);
    return digits >= 0 ? number : BigInt(roundFloat(Number(number), digits));
  }
  if (typeof number === "bigint" && digits >= 0) return divideExactly(number, 1n);
  const scale = 10 ** digits;
  return Math[how as "ceil" | "floor"](Number(number) * scale) / scale;
}

function truncate(value: JinjaValue, bound: Record<string, JinjaValue | undefined>): JinjaValue {
  const length = indexOf(bound.length, "truncate", 255),
    leeway = indexOf(bound.leeway ?? undefined, "truncate", 5);
  const end = bound.end === undefined ? "..." : textOf(bound.end, "truncate");
  const room = length - [...end].length;
  if (room < 0) throw new TemplateError(`expected length >= ${[...end].length}, got ${length}`);
  // what is short enough isn't looked at
  if (asText(value) === undefined && [...iterate(value)].length <= length + leeway) return value;
  const points = [...textOf(value, "truncate")];
  if (points.length <= length + leeway) return value;
  const kept = points.slice(0, room).join("");
  if (bound.killwords !== undefined && truthy(bound.killwords)) return kept + end;
  const space = kept.lastIndexOf(" ");
  return (space < 0 ? kept : kept.slice(0, space)) + end;
}

function urlEncode(value: JinjaValue): JinjaValue {
  const quote = (item: JinjaValue, isQuery: boolean) => {
    const kept = encodeURIComponent(str(item)).replace(
      /[!'()*]/g,
      (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
    );
    return isQuery ? kept.replaceAll("%20", "+") : kept.replaceAll("%2F", "/");
  };
  if (asText(value) !== undefined || asNumber(value) !== undefined || value === null) {
    return quote(value, false);
  }
  const pairs = value instanceof Dict ? value.items() : iterate(value).map((pair) => [...iterate(pair)]);
  const odd = pairs.find(({ length }) => length !== 2);
  if (odd !== undefined) {
    throw new TemplateError(`urlencode needs pairs: current value has ${odd.length} items`);
  }
  return pairs.map(([key, item]) => `${quote(key!, true)}=${quote(item!, true)}`).join("&");
}

function fileSize(value: JinjaValue, isBinary: boolean): string {
  const bytes = Number(asNumber(value) ?? parseFloatText(asText(value) ?? "") ?? NaN);
  if (Number.isNaN(bytes)) throw new TemplateError("filesizeformat needs a number");
  const base = isBinary ? 1024 : 1000;
  if (bytes === 1) return "1 Byte";
  if (bytes < base) return `${Math.trunc(bytes)} Bytes`;
  const units = isBinary
    ? ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"]
    : ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
  const index = units.findIndex((_, i) => bytes < base ** (i + 2));
  const power = index < 0 ? units.length - 1 : index;
  return str(formatPercent("%.1f %s", new Tuple([base * bytes / base ** (power + 2), item(units, power)])));
}
