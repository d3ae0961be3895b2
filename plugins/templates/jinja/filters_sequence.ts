/**
 * Filters on lists, dicts and generators (module jinja2.filters).
 * @module
 */
import { indexOf } from "./arguments.ts";
import { getItem, ownAttribute } from "./attributes.ts";
import type { FilterRule } from "./filters_text.ts";
import { binary, equals, fits, order } from "./operators.ts";
import { str } from "./print.ts";
import {
  asItems,
  asText,
  defined,
  Dict,
  DictView,
  Group,
  identity,
  iterate,
  Iterator,
  type JinjaValue,
  Markup,
  Range,
  TemplateError,
  truthy,
  Tuple,
  typeName,
  Undefined,
} from "./values.ts";

type Bound = Record<string, JinjaValue | undefined>;

/** The filters by name, without those that take other filters or tests. */
export const sequenceFilters: Readonly<Record<string, FilterRule>> = {
  attr: [["name"], (value, { name }) => ownAttribute(value, str(name!))],
  batch: [["linecount", "fill_with?"], (value, { linecount, fill_with }) => {
    const size = indexOf(linecount, "batch"), items = iterate(value), rows: JinjaValue[][] = [];
    for (let i = 0; i < items.length; i += Math.max(1, size)) {
      rows.push(items.slice(i, i + Math.max(1, size)));
    }
    const last = rows.at(-1);
    while (last && fill_with != null && last.length < size) last.push(fill_with);
    return new Iterator(rows);
  }],
  count: [[], length],
  d: [["default_value?", "boolean?"], otherwise],
  default: [["default_value?", "boolean?"], otherwise],
  dictsort: [["case_sensitive?", "by?", "reverse?"], (value, { case_sensitive, by, reverse }) => {
    if (!(value instanceof Dict)) {
      throw new TemplateError(`'${typeName(value)}' object has no attribute 'items'`);
    }
    const place = { key: 0, value: 1 }[by === undefined ? "key" : str(by)];
    if (place === undefined) throw new TemplateError("dictsort sorts by key or value");
    const key = (pair: JinjaValue) => caseKey((pair as Tuple).items[place]!, case_sensitive);
    return sorted(value.items().map((pair) => new Tuple(pair)), key, reverse);
  }],
  first: [[], (value) => {
    const nothing = () => new Undefined("No first item, sequence was empty.");
    if (value instanceof Iterator) return defined(value.next(), nothing);
    const items = iterate(value);
    return defined(items[0], nothing);
  }],
  groupby: [["attribute", "default?", "case_sensitive?"], groupBy],
  items: [[], (value) => {
    if (value instanceof Undefined) return new Iterator([]);
    if (!(value instanceof Dict)) throw new TemplateError("Can only get item pairs from a mapping.");
    return new Iterator(value.items().map((pair) => new Tuple(pair)));
  }],
  join: [["d?", "attribute?"], (value, { d, attribute: name }) => {
    const items = iterate(value).map((each) => str(name == null ? each : path(each, name)));
    const separator = d === undefined ? "" : str(d);
    fits({ length: items.reduce((sum, text) => sum + text.length + separator.length, 0) });
    return items.join(separator);
  }],
  last: [[], (value) => {
    if (value instanceof Iterator) throw new TemplateError("'generator' object is not reversible");
    const items = iterate(value);
    return items.length === 0 ? new Undefined("No last item, sequence was empty.") : items.at(-1)!;
  }],
  length: [[], length],
  list: [[], (value) => [...iterate(value)]],
  max: [["case_sensitive?", "attribute?"], (value, bound) => extreme(value, bound, 1)],
  min: [["case_sensitive?", "attribute?"], (value, bound) => extreme(value, bound, -1)],
  reverse: [[], (value) => {
    const text = asText(value);
    if (text === undefined) return new Iterator([...iterate(value)].reverse(), "list_reverseiterator");
    const reversed = [...text].reverse().join("");
    return value instanceof Markup ? new Markup(reversed) : reversed;
  }],
  slice: [["slices", "fill_with?"], (value, { slices, fill_with }) => {
    const items = iterate(value), count = indexOf(slices, "slice"), rows: JinjaValue[][] = [];
    const each = Math.floor(items.length / count), more = items.length % count;
    for (let i = 0, from = 0; i < count; i++) {
      const size = each + (i < more ? 1 : 0);
      rows.push(items.slice(from, from + size));
      if (fill_with != null && i >= more) rows[i]!.push(fill_with);
      from += size;
    }
    return new Iterator(rows);
  }],
  sort: [
    ["reverse?", "case_sensitive?", "attribute?"],
    (value, { reverse, case_sensitive, attribute: name }) => {
      const names = name == null ? [null] : typeof name === "string" ? name.split(",") : [name];
      const key = (each: JinjaValue) =>
        new Tuple(names.map((one) => caseKey(one === null ? each : path(each, one), case_sensitive)));
      return sorted(iterate(value), key, reverse);
    },
  ],
  sum: [
    ["attribute?", "start?"],
    (value, { attribute: name, start }) =>
      iterate(value).reduce<JinjaValue>(
        (sum, each) => binary("+", sum, name == null ? each : path(each, name)),
        start ?? 0n,
      ),
  ],
  unique: [["case_sensitive?", "attribute?"], (value, { case_sensitive, attribute: name }) => {
    const seen = new Set<unknown>();
    return new Iterator(
      iterate(value).filter((each) => {
        const key = identity(caseKey(name == null ? each : path(each, name), case_sensitive));
        return !seen.has(key) && seen.add(key);
      }),
    );
  }],
};

/** `a.b.0` of a value, by items first. */
export function path(value: JinjaValue, name: JinjaValue): JinjaValue {
  const text = asText(name);
  if (text === undefined) return getItem(value, name);
  return text.split(".").reduce(
    (each, part) => getItem(each, /^\d+$/.test(part) ? BigInt(part) : part),
    value,
  );
}

/**
 * Python's `len(value)`.
 * @throws {TemplateError} If it has none.
 */
export function length(value: JinjaValue): JinjaValue {
  const text = asText(value);
  if (text !== undefined) {
    let count = 0;
    for (const _ of text) count++;
    return BigInt(count);
  }
  if (value instanceof Dict) return BigInt(value.size);
  if (value instanceof DictView) return BigInt(value.dict.size);
  if (value instanceof Undefined) return 0n;
  const items = value instanceof Range ? value : asItems(value);
  if (items !== undefined) return BigInt(items.length);
  throw new TemplateError(`object of type '${typeName(value)}' has no len()`);
}

function otherwise(value: JinjaValue, { default_value, boolean }: Bound): JinjaValue {
  const isMissing = value instanceof Undefined ||
    (boolean !== undefined && truthy(boolean) && !truthy(value));
  return isMissing ? defined(default_value, () => "") : value;
}

/** Texts without case, unless it counts. */
function caseKey(value: JinjaValue, caseSensitive: JinjaValue | undefined): JinjaValue {
  const text = asText(value);
  return text === undefined || (caseSensitive !== undefined && truthy(caseSensitive))
    ? value
    : text.toLowerCase();
}

function sorted(
  items: readonly JinjaValue[],
  key: (item: JinjaValue) => JinjaValue,
  reverse: JinjaValue | undefined,
): JinjaValue[] {
  const isReverse = reverse !== undefined && truthy(reverse);
  return items.map((each) => [key(each), each] as const)
    .sort(([a], [b]) => isReverse ? order(b, a) : order(a, b))
    .map(([, each]) => each);
}

function extreme(value: JinjaValue, { case_sensitive, attribute: name }: Bound, side: 1 | -1): JinjaValue {
  const items = iterate(value).map((each) =>
    [caseKey(name == null ? each : path(each, name), case_sensitive), each] as const
  );
  if (items.length === 0) return new Undefined("No aggregated item, sequence was empty.");
  return items.reduce((best, each) => Math.sign(order(each[0], best[0])) === side ? each : best)[1];
}

function groupBy(
  value: JinjaValue,
  { attribute: name, default: missing, case_sensitive }: Bound,
): JinjaValue {
  const keyOf = (each: JinjaValue) => {
    const found = path(each, name!);
    return found instanceof Undefined && missing != null ? missing : found;
  };
  const groups: [JinjaValue, JinjaValue, JinjaValue[]][] = [];
  for (const each of sorted(iterate(value), (one) => caseKey(keyOf(one), case_sensitive), undefined)) {
    const key = caseKey(keyOf(each), case_sensitive), last = groups.at(-1);
    if (last !== undefined && equals(last[0], key)) last[2].push(each);
    else groups.push([key, keyOf(each), [each]]);
  }
  return groups.map(([, key, items]) => new Group(key, items));
}
