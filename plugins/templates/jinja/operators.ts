/**
 * Python's operators on values of templates.
 * @module
 */
import type { BinaryOperator, CompareOperator } from "./nodes.ts";
import { divideExactly, floorDivide, floorModulo } from "./numbers.ts";
import { str } from "./print.ts";
import {
  asItems,
  asText,
  Dict,
  DictView,
  identity,
  iterate,
  Iterator,
  type JinjaValue,
  Markup,
  Range,
  TemplateError,
  Tuple,
  typeName,
  Undefined,
} from "./values.ts";

/** Texts and lists longer than this are refused, in UTF-16 units or items. */
export const LONGEST = 100_000_000;

/** Bits of a whole number at most. */
const MOST_BITS = 100_000;

type NumberValue = bigint | number;

/** A number; True and False are 1 and 0. */
export function asNumber(value: JinjaValue): NumberValue | undefined {
  if (typeof value === "boolean") return value ? 1n : 0n;
  return typeof value === "bigint" || typeof value === "number" ? value : undefined;
}

/** An index: a whole number or a boolean. */
export function asIndex(value: JinjaValue): number | undefined {
  return typeof value === "bigint" || typeof value === "boolean" ? Number(value) : undefined;
}

/** `&`, `<`, `>` and quotes as HTML writes them. */
export function escapeMarkup(text: string): string {
  return text.replace(
    /[&<>'"]/g,
    (char) => `&${{ "&": "amp", "<": "lt", ">": "gt", "'": "#39", '"': "#34" }[char]};`,
  );
}

/** Text for a Markup: escaped unless it is one. */
export function markup(value: JinjaValue): string {
  return value instanceof Markup ? value.text : escapeMarkup(str(value));
}

/** `left == right`. */
export function equals(left: JinjaValue, right: JinjaValue): boolean {
  const a = asNumber(left), b = asNumber(right);
  if (a !== undefined && b !== undefined) return a == b;
  const [s, t] = [asText(left), asText(right)];
  if (s !== undefined || t !== undefined) return s === t;
  if (left instanceof Undefined) return right instanceof Undefined;
  if (left instanceof Dict && right instanceof Dict) {
    return left.size === right.size &&
      left.items().every(([key, value]) => right.has(key) && equals(value, right.get(key)!));
  }
  if (left instanceof Range && right instanceof Range) return equals([...iterate(left)], [...iterate(right)]);
  if (left instanceof DictView && right instanceof DictView && left.kind !== "values") {
    return left.kind === right.kind && left.dict.size === right.dict.size &&
      left.items().every((item) => contains(right, item));
  }
  const [l, r] = [asItems(left), asItems(right)];
  if (l === undefined || r === undefined || Array.isArray(left) !== Array.isArray(right)) {
    return left === right;
  }
  return l.length === r.length && l.every((item, i) => equals(item, r[i]!));
}

/**
 * -1, 0 or 1; NaN where the values have no order, as floats that are not numbers.
 * @throws {TemplateError} If values of these types have no order in Python
 */
export function order(left: JinjaValue, right: JinjaValue, operator: string = "<"): number {
  const a = asNumber(left), b = asNumber(right);
  if (a !== undefined && b !== undefined) return a < b ? -1 : a > b ? 1 : a == b ? 0 : NaN;
  const [s, t] = [asText(left), asText(right)];
  if (s !== undefined && t !== undefined) return orderTexts(s, t);
  const [l, r] = [asItems(left), asItems(right)];
  if (l !== undefined && r !== undefined && Array.isArray(left) === Array.isArray(right)) {
    for (let i = 0; i < Math.min(l.length, r.length); i++) {
      if (!equals(l[i]!, r[i]!)) return order(l[i]!, r[i]!, operator);
    }
    return Math.sign(l.length - r.length);
  }
  for (const value of [left, right]) if (value instanceof Undefined) value.fail();
  throw new TemplateError(
    `'${operator}' not supported between instances of '${typeName(left)}' and '${typeName(right)}'`,
  );
}

/** By code points, where JavaScript compares UTF-16 units. */
function orderTexts(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let i = 0;
  while (i < end && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  if (i === end) return Math.sign(a.length - b.length);
  // a half pair is above all other units
  const rank = (text: string) => {
    const unit = text.charCodeAt(i);
    return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
  };
  return rank(a) < rank(b) ? -1 : 1;
}

/** `item in container`. @throws {TemplateError} If the container is none, or the item of a text isn't text */
export function contains(container: JinjaValue, item: JinjaValue): boolean {
  const text = asText(container);
  if (text !== undefined) {
    const part = asText(item);
    if (part !== undefined) return text.includes(part);
    throw new TemplateError(`'in <string>' requires string as left operand, not ${typeName(item)}`);
  }
  if (container instanceof Dict) return container.has(item);
  if (container instanceof DictView && container.kind === "keys") return container.dict.has(item);
  if (container === null || typeof container !== "object" || !isContainer(container)) {
    throw new TemplateError(`argument of type '${typeName(container)}' is not iterable`);
  }
  return iterate(container).some((each) => each === item || equals(each, item));
}

function isContainer(value: object): boolean {
  return Array.isArray(value) ||
    [Tuple, DictView, Range, Iterator, Undefined].some((type) => value instanceof type);
}

/** Result of a comparison, by Python's rules. @throws {TemplateError} If the values can't be compared so */
export function compare(operator: CompareOperator, left: JinjaValue, right: JinjaValue): boolean {
  switch (operator) {
    case "==":
      return equals(left, right);
    case "!=":
      return !equals(left, right);
    case "in":
      return contains(right, left);
    case "not in":
      return !contains(right, left);
    case "<":
      return order(left, right, operator) < 0;
    case "<=":
      return order(left, right, operator) <= 0;
    case ">":
      return order(left, right, operator) > 0;
    case ">=":
      return order(left, right, operator) >= 0;
  }
}

/** `-value` or `+value`. @throws {TemplateError} If the value is no number */
export function unary(operator: "-" | "+", value: JinjaValue): JinjaValue {
  const number = asNumber(value);
  if (number !== undefined) return operator === "-" ? -number : number;
  if (value instanceof Undefined) return value.fail();
  throw new TemplateError(`bad operand type for unary ${operator}: '${typeName(value)}'`);
}

/**
 * An operation on two values; `text % values` is `formatPercent`.
 * @throws {TemplateError} If Python has no such operation on values of these types, or it fails (a division by zero)
 */
export function binary(operator: BinaryOperator, left: JinjaValue, right: JinjaValue): JinjaValue {
  for (const value of [left, right]) if (value instanceof Undefined) value.fail();
  const a = asNumber(left), b = asNumber(right);
  if (a !== undefined && b !== undefined) return arithmetic(operator, a, b);
  const other = operator === "+"
    ? add(left, right)
    : operator === "*"
    ? repeat(left, right) ?? repeat(right, left)
    : undefined;
  if (other !== undefined) return other;
  throw new TemplateError(
    `unsupported operand type(s) for ${operator}: '${typeName(left)}' and '${typeName(right)}'`,
  );
}

function arithmetic(operator: BinaryOperator, a: NumberValue, b: NumberValue): NumberValue {
  if ((operator === "/" || operator === "//" || operator === "%") && b == 0) {
    throw new TemplateError("division by zero");
  }
  const isWhole = typeof a === "bigint" && typeof b === "bigint";
  if (operator === "/") {
    const quotient = isWhole ? divideExactly(a, b) : Number(a) / Number(b);
    if (!isWhole || Number.isFinite(quotient)) return quotient;
    throw new TemplateError("integer division result too large for a float");
  }
  if (isWhole) return integers(operator, a, b);
  const [x, y] = [Number(a), Number(b)];
  switch (operator) {
    case "+":
      return x + y;
    case "-":
      return x - y;
    case "*":
      return x * y;
    case "//":
      return Math.floor(x / y);
    case "%":
      return floorModulo(x, y);
    case "**":
      if (x === 0 && y < 0) throw new TemplateError("0.0 cannot be raised to a negative power");
      return x ** y;
  }
}

function integers(operator: Exclude<BinaryOperator, "/">, a: bigint, b: bigint): NumberValue {
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      bounded(bits(a) + bits(b));
      return a * b;
    case "//":
      return floorDivide(a, b);
    case "%":
      return a - floorDivide(a, b) * b;
    case "**":
      if (b < 0n) {
        if (a === 0n) throw new TemplateError("0.0 cannot be raised to a negative power");
        return Number(a) ** Number(b);
      }
      bounded(bits(a) * Number(b));
      return a ** b;
  }
}

function bits(value: bigint): number {
  return value.toString(16).length * 4;
}

function bounded(size: number): void {
  if (size > MOST_BITS) throw new TemplateError(`a whole number has more than ${MOST_BITS} bits`);
}

function add(left: JinjaValue, right: JinjaValue): JinjaValue | undefined {
  const [s, t] = [asText(left), asText(right)];
  if (s !== undefined && t !== undefined) {
    const isMarkup = left instanceof Markup || right instanceof Markup;
    return isMarkup ? new Markup(fits(markup(left) + markup(right))) : fits(s + t);
  }
  const [l, r] = [asItems(left), asItems(right)];
  if (l === undefined || r === undefined || Array.isArray(left) !== Array.isArray(right)) return undefined;
  const joined = fits([...l, ...r]);
  return Array.isArray(left) ? joined : new Tuple(joined);
}

function repeat(value: JinjaValue, times: JinjaValue): JinjaValue | undefined {
  const count = asIndex(times);
  const text = asText(value), items = asItems(value);
  if (count === undefined || (text === undefined && items === undefined)) return undefined;
  const number = Math.max(0, count);
  const size = text?.length ?? items!.length;
  fits({ length: number * size });
  if (text !== undefined) {
    const repeated = text.repeat(size === 0 ? 0 : number);
    return value instanceof Markup ? new Markup(repeated) : repeated;
  }
  const repeated = size === 0 ? [] : Array.from({ length: number }, () => items!).flat();
  return Array.isArray(value) ? repeated : new Tuple(repeated);
}

/**
 * The value, if it isn't too long.
 * @throws {TemplateError} If it is.
 */
export function fits<T extends { length: number }>(value: T): T {
  if (value.length <= LONGEST) return value;
  throw new TemplateError(`a text or list is longer than ${LONGEST}`);
}

/** True if two values are one object, or equal constants. */
export function same(left: JinjaValue, right: JinjaValue): boolean {
  if (typeof left === "object" && left !== null) return left === right;
  return typeof left === typeof right && identity(left) === identity(right);
}
