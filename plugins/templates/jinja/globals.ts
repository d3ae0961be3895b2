/**
 * Functions that every template has, those of transformers among them.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { bind, indexOf, textOf } from "./arguments.ts";
import { str } from "./print.ts";
import { parseDay, strftime } from "./strftime.ts";
import {
  asItems,
  asText,
  Callable,
  Cycler,
  Dict,
  iterate,
  type JinjaValue,
  type Kwargs,
  Namespace,
  Range,
  TemplateError,
  Undefined,
} from "./values.ts";

/** Numbers of a range at most, as in Jinja2's sandbox. */
const LONGEST_RANGE = 100_000;

/**
 * The functions by name.
 * @param today The day for `strftime_now`.
 * @throws {TemplateError} (when called) `cycler` without items, `raise_exception`, `strftime_now` without a day
 */
export function globalFunctions(today: string): Map<string, JinjaValue> {
  const functions: [string, (args: readonly JinjaValue[], kwargs: Kwargs) => JinjaValue][] = [
    ["range", range],
    ["dict", (args, kwargs) => new Dict(entries(args, kwargs))],
    ["namespace", namespace],
    ["cycler", (items) => {
      if (items.length === 0) throw new TemplateError("at least one item has to be provided");
      return new Cycler(items);
    }],
    ["joiner", joiner],
    ["raise_exception", (args, kwargs) => {
      throw new TemplateError(str(bind("raise_exception", ["message"], args, kwargs).message!));
    }],
    ["strftime_now", (args, kwargs) => {
      const { format } = bind("strftime_now", ["format"], args, kwargs);
      const day = parseDay(today);
      if (day !== null) return strftime(day, textOf(format, "strftime_now"));
      throw new TemplateError(
        `the template writes today's date, and the option date isn't a day such as "26 Jul 2024" or "2024-07-26": ` +
          `current value is ${JSON.stringify(today)}`,
      );
    }],
  ];
  return new Map(functions.map(([name, call]) => [name, new Callable(name, call)]));
}

function range(args: readonly JinjaValue[], kwargs: Kwargs): JinjaValue {
  if (kwargs.size > 0) throw new TemplateError("range() takes no keyword arguments");
  for (const value of args) if (value instanceof Undefined) value.fail();
  const [a, b, c] = args.map((value) => BigInt(indexOf(value, "range")));
  if (a === undefined || args.length > 3) throw new TemplateError("range() takes 1 to 3 arguments");
  if (c === 0n) throw new TemplateError("range() arg 3 must not be zero");
  const numbers = new Range(b === undefined ? 0n : a, b ?? a, c ?? 1n);
  if (numbers.length <= LONGEST_RANGE) return numbers;
  throw new TemplateError(`a range is longer than ${LONGEST_RANGE} numbers`);
}

function entries(args: readonly JinjaValue[], kwargs: Kwargs): [JinjaValue, JinjaValue][] {
  const [first] = args;
  const given = first === undefined
    ? []
    : first instanceof Dict
    ? first.items()
    : iterate(first).map((pair): [JinjaValue, JinjaValue] => {
      const items = asItems(pair) ?? iterate(pair);
      if (items.length !== 2) throw new TemplateError("dict() needs pairs of a key and a value");
      return [item(items, 0), item(items, 1)];
    });
  return [...given, ...kwargs];
}

function namespace(args: readonly JinjaValue[], kwargs: Kwargs): JinjaValue {
  const attributes = new Map<string, JinjaValue>();
  for (const [key, value] of entries(args, kwargs)) {
    attributes.set(namespaceKey(asText(key) ?? str(key)), value);
  }
  return new Namespace(attributes);
}

/**
 * The name of an attribute.
 * @throws {TemplateError} If it begins with an underscore, which transformers refuses.
 */
export function namespaceKey(name: string): string {
  if (!name.startsWith("_")) return name;
  throw new TemplateError(
    `attributes of a namespace can't begin with an underscore: current value is ${name}`,
  );
}

function joiner(args: readonly JinjaValue[], kwargs: Kwargs): JinjaValue {
  const { sep = ", " } = bind("joiner", ["sep?"], args, kwargs);
  let isUsed = false;
  return new Callable("joiner", () => {
    if (isUsed) return sep;
    isUsed = true;
    return "";
  });
}
