/**
 * Tests behind `is` (module jinja2.tests).
 * @module
 */
import { bind } from "./arguments.ts";
import { asNumber, binary, compare, contains, equals, same } from "./operators.ts";
import type { CompareOperator } from "./nodes.ts";
import { str } from "./print.ts";
import { stringMethods } from "./strings.ts";
import {
  asItems,
  asText,
  Callable,
  Dict,
  DictView,
  Iterator,
  type JinjaValue,
  type Kwargs,
  Loop,
  Markup,
  Range,
  TemplateError,
  Undefined,
} from "./values.ts";

type Test = [parameters: string[], test: (value: JinjaValue, other: JinjaValue) => boolean];

const compared = (
  operator: CompareOperator,
): Test => [["other"], (value, other) => compare(operator, value, other)];
const isCase = (
  name: string,
): Test => [[], (value) => stringMethods.get(name)!(str(value), [], new Map()) === true];

const hasItems = (value: JinjaValue) =>
  asText(value) !== undefined || asItems(value) !== undefined || value instanceof Range ||
  value instanceof Dict ||
  value instanceof Undefined;

const TESTS: Readonly<Record<string, Test>> = {
  odd: [[], (value) => equals(binary("%", value, 2n), 1n)],
  even: [[], (value) => equals(binary("%", value, 2n), 0n)],
  divisibleby: [["num"], (value, num) => equals(binary("%", value, num), 0n)],
  defined: [[], (value) => !(value instanceof Undefined)],
  undefined: [[], (value) => value instanceof Undefined],
  none: [[], (value) => value === null],
  boolean: [[], (value) => typeof value === "boolean"],
  false: [[], (value) => value === false],
  true: [[], (value) => value === true],
  integer: [[], (value) => typeof value === "bigint"],
  float: [[], (value) => typeof value === "number"],
  lower: isCase("islower"),
  upper: isCase("isupper"),
  string: [[], (value) => asText(value) !== undefined],
  mapping: [[], (value) => value instanceof Dict],
  number: [[], (value) => asNumber(value) !== undefined],
  sequence: [[], hasItems],
  iterable: [
    [],
    (value) =>
      hasItems(value) || value instanceof Iterator || value instanceof DictView || value instanceof Loop,
  ],
  callable: [[], (value) => value instanceof Callable || value instanceof Loop || value instanceof Undefined],
  sameas: [["other"], same],
  escaped: [[], (value) => value instanceof Markup],
  in: [["seq"], (value, seq) => contains(seq, value)],
  eq: compared("=="),
  equalto: compared("=="),
  "==": compared("=="),
  ne: compared("!="),
  "!=": compared("!="),
  gt: compared(">"),
  greaterthan: compared(">"),
  ">": compared(">"),
  ge: compared(">="),
  ">=": compared(">="),
  lt: compared("<"),
  lessthan: compared("<"),
  "<": compared("<"),
  le: compared("<="),
  "<=": compared("<="),
};

/** True if there is a test of this name. */
export function isTest(name: string): boolean {
  return Object.hasOwn(TESTS, name);
}

/**
 * `value is name(args)`.
 * @throws {TemplateError} If there is no such test, or it doesn't take the arguments.
 */
export function applyTest(
  name: string,
  value: JinjaValue,
  args: readonly JinjaValue[],
  kwargs: Kwargs,
): boolean {
  if (!isTest(name)) throw new TemplateError(`there is no test ${JSON.stringify(name)}`);
  const [parameters, test] = TESTS[name]!;
  const [other = null] = Object.values(bind(name, parameters, args, kwargs));
  return test(value, other);
}
