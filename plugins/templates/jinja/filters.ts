/**
 * Filters by name, and those that apply other filters and tests.
 * @module
 */
import { bind } from "./arguments.ts";
import { path, sequenceFilters } from "./filters_sequence.ts";
import { formatFilter, textFilters } from "./filters_text.ts";
import { applyTest, isTest } from "./tests.ts";
import {
  asText,
  identity,
  iterate,
  Iterator,
  type JinjaValue,
  type Kwargs,
  TemplateError,
  truthy,
  Undefined,
} from "./values.ts";

const RULES = { ...textFilters, ...sequenceFilters };

/** Filters that choose items, and whether they look at an attribute and keep what passes. */
const CHOOSERS: Readonly<Record<string, { hasAttribute: boolean; keeps: boolean }>> = {
  select: { hasAttribute: false, keeps: true },
  reject: { hasAttribute: false, keeps: false },
  selectattr: { hasAttribute: true, keeps: true },
  rejectattr: { hasAttribute: true, keeps: false },
};

/** Filters of Jinja2 that aren't here: nothing in a chat template needs them, or they give something else each time. */
const ABSENT = ["pprint", "random", "urlize", "wordwrap"];

function isFilter(name: string): boolean {
  return Object.hasOwn(RULES, name) || Object.hasOwn(CHOOSERS, name) || name === "map" || name === "format";
}

/**
 * `value | name(args)`.
 * @throws {TemplateError} If there is no such filter, or it can't filter the value.
 */
export function applyFilter(
  name: string,
  value: JinjaValue,
  args: readonly JinjaValue[],
  kwargs: Kwargs,
): JinjaValue {
  if (Object.hasOwn(CHOOSERS, name)) return choose(name, value, args, kwargs);
  if (name === "map") return map(value, args, kwargs);
  if (name === "format") return formatFilter(value, args, kwargs);
  if (!Object.hasOwn(RULES, name)) {
    const known = ABSENT.includes(name) ? "isn't supported here" : "doesn't exist";
    throw new TemplateError(`the filter ${JSON.stringify(name)} ${known}`);
  }
  const [parameters, filter] = RULES[name]!;
  return filter(value, bind(name, parameters, args, kwargs));
}

/** `name is filter` and `name is test`, else {@linkcode applyTest}. */
export function test(name: string, value: JinjaValue, args: readonly JinjaValue[], kwargs: Kwargs): boolean {
  if (name === "filter" || name === "test") identity(value); // names are looked up among keys
  if (name === "filter") return isFilter(asText(value) ?? "");
  return name === "test"
    ? isTest(asText(value) ?? "") || ["filter", "test"].includes(asText(value) ?? "")
    : applyTest(name, value, args, kwargs);
}

function choose(filter: string, value: JinjaValue, args: readonly JinjaValue[], kwargs: Kwargs): JinjaValue {
  if (!truthy(value)) return new Iterator([]);
  const { hasAttribute, keeps } = CHOOSERS[filter]!;
  const [first] = args;
  if (hasAttribute && first === undefined) {
    throw new TemplateError(`${filter} needs the name of an attribute`);
  }
  const [name, ...others] = hasAttribute ? args.slice(1) : args;
  const passes = (each: JinjaValue) => {
    const looked = hasAttribute ? path(each, first!) : each;
    return (name === undefined ? truthy(looked) : test(asText(name) ?? "", looked, others, kwargs)) === keeps;
  };
  return new Iterator(iterate(value).filter(passes));
}

function map(value: JinjaValue, args: readonly JinjaValue[], kwargs: Kwargs): JinjaValue {
  if (!truthy(value)) return new Iterator([]);
  if (args.length === 0 && kwargs.has("attribute")) {
    const { attribute, default: otherwise } = bind("map", ["attribute", "default?"], [], kwargs);
    return new Iterator(
      iterate(value).map((each) => {
        const found = path(each, attribute!);
        return found instanceof Undefined && otherwise != null ? otherwise : found;
      }),
    );
  }
  const name = asText(args[0]);
  if (name === undefined) throw new TemplateError("map needs the name of a filter, or attribute=");
  return new Iterator(iterate(value).map((each) => applyFilter(name, each, args.slice(1), kwargs)));
}
