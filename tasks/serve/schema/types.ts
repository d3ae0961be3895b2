/**
 * Rules of one type's values.
 * @module
 */
import { all, hasType } from "./conjoin.ts";
import type { JsonObject } from "./disjoint.ts";
import { TEXT_FORMATS } from "./formats.ts";
import { type Bounds, numberRule } from "./numbers.ts";
import { objectRule } from "./objects.ts";
import { anyOf, repeated, type Rules, terminal, written } from "./rules.ts";
import {
  has,
  inAll,
  lengthRule,
  matching,
  ofLength,
  onlyWords,
  outside,
  textRule,
  type TextSet,
} from "./texts.ts";

/** What a type's rule is made with. */
export interface Within {
  rules: Rules;
  place: string;
  refuse: (what: string) => never;
  /** The rule of a schema inside; null: no value fits. */
  inner: (schema: unknown, step: string) => string | null;
  /** A schema inside as schemas without choices. */
  choices: (schema: unknown, step: string) => JsonObject[];
}

/** Items and members that are counted one by one. */
const COUNTED = 1000;

/** Values whose order and choice are followed where none may come twice. */
const DIFFERENT = 8;

/**
 * The rule of a type's values that fit; null: there is none.
 * @param choice A schema without choices: see conjoin.ts
 * @throws {RangeError} @throws {GrammarTooLarge} With what can't be followed
 */
export function ruleOfType(type: string, choice: JsonObject, within: Within): string | null {
  const { rules } = within;
  if (type === "object") return ofObject(choice, within);
  if (type === "array") return ofArray(choice, within);
  if (type === "string") return ofString(choice, within);
  if (type === "number" || type === "integer") {
    const names = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
    const bounds = Object.fromEntries(
      names.filter((name) => choice[name] !== undefined).map((name) => [name, choice[name]]),
    );
    return numberRule(rules, type, bounds as Bounds);
  }
  return type === "null" ? '"null"' : '("true" | "false")';
}

function ofString(choice: JsonObject, { rules, refuse }: Within): string | null {
  const { minLength = 0, maxLength = Infinity } = choice as Record<string, number>;
  if (minLength > maxLength) return null;
  const isPlain = expressionsOf(choice, refuse).length === 0;
  return isPlain ? lengthRule(rules, minLength, maxLength) : textRule(rules, textsOf(choice, refuse));
}

/** Expressions of patterns and formats. */
function expressionsOf(choice: JsonObject, refuse: (what: string) => never): string[] {
  const formats = ((choice["format"] ?? []) as string[]).map((name) =>
    TEXT_FORMATS[name] ??
      refuse(`the grammar doesn't know the format ${name}; known are ${Object.keys(TEXT_FORMATS).join(", ")}`)
  );
  return [...(choice["pattern"] ?? []) as string[], ...formats];
}

/** TextSet of patterns, formats and lengths. */
function textsOf(choice: JsonObject, refuse: (what: string) => never): TextSet {
  const { minLength = 0, maxLength = Infinity } = choice as Record<string, number>;
  const isAnyLength = minLength === 0 && maxLength === Infinity;
  const [first, ...others] = expressionsOf(choice, refuse).map(matching);
  if (first === undefined) return ofLength(minLength, maxLength);
  return inAll([first, ...others, ...isAnyLength ? [] : [ofLength(minLength, maxLength)]]);
}

function ofArray(choice: JsonObject, { rules, refuse, inner }: Within): string | null {
  const { minItems = 0, maxItems = Infinity } = choice as Record<string, number>;
  if (minItems > maxItems) return null;
  const prefix = (choice["prefixItems"] ?? []) as unknown[];
  // as for properties, others come where they are asked for
  const others = choice["items"] ?? (prefix.length > 0 && minItems <= prefix.length ? false : true);
  const firsts = prefix.slice(0, maxItems).map((one, i) => inner(one, `.prefixItems[${i}]`));
  const item = maxItems <= prefix.length ? null : inner(others, ".items");
  if (choice["uniqueItems"] === true && maxItems > 1) {
    if (prefix.length > 0) return refuse("the grammar can't follow uniqueItems beside prefixItems");
    return unique(choice, refuse, rules);
  }
  const room = maxItems - prefix.length, least = Math.max(minItems - prefix.length, 0);
  if (least > COUNTED || room !== Infinity && room > COUNTED) {
    refuse(`the grammar counts up to ${COUNTED} items; leave the bound out, or use a smaller one`);
  }
  const comma = (count: number) => count === 0 ? "" : '", " ';
  const rest = (): string | null => {
    if (item === null || room <= 0) return least > 0 ? null : '""';
    const more = repeated(
      rules.add(`", " ${item}`),
      Math.max(least - (prefix.length === 0 ? 1 : 0), 0),
      room - (prefix.length === 0 ? 1 : 0),
    );
    if (prefix.length > 0) return more;
    return least > 0 ? `${item} ${more}` : `(${item} ${more})?`;
  };
  let made = firsts.length < prefix.length && maxItems <= firsts.length ? '""' : rest();
  for (let count = firsts.length - 1; count >= 0; count--) {
    const first = firsts[count] ?? null;
    made = anyOf([
      count >= minItems ? '""' : null,
      first === null || made === null ? null : rules.add(`${comma(count)}${first} ${made}`),
    ]);
  }
  return made === null ? null : `"[" ${made} "]"`;
}

/** Lists of different values, where the schema lists them. */
function unique(choice: JsonObject, refuse: (what: string) => never, rules: Rules): string | null {
  const { minItems = 0, maxItems = Infinity, items } = choice as {
    minItems?: number;
    maxItems?: number;
    items?: JsonObject;
  };
  const values = items?.["enum"] ?? (items?.["type"] === "boolean" ? [true, false] : []);
  const types = items?.["type"] === undefined ? null : [items["type"]].flat() as string[];
  const fitting = (values as unknown[]).filter((value) => types === null || hasType(value, types));
  const known = new Set(fitting.map(written));
  const isPlain = Object.keys(items ?? {}).every((name) =>
    ["type", "enum", "title", "description"].includes(name)
  );
  if (known.size === 0 || known.size > DIFFERENT || !isPlain) {
    return refuse(
      `the grammar follows uniqueItems where items lists up to ${DIFFERENT} values in enum, or maxItems is 1`,
    );
  }
  const made = new Map<string, string | null>();
  const from = (left: readonly string[], count: number): string | null => {
    const key = JSON.stringify(left), ready = made.get(key);
    if (ready !== undefined) return ready;
    const next = count >= maxItems ? [] : left.map((one) => {
      const more = from(left.filter((other) => other !== one), count + 1);
      return more === null ? null : `${terminal(`${count === 0 ? "" : ", "}${one}`)} ${more}`;
    });
    const rule = anyOf([count >= minItems ? '""' : null, ...next]);
    const short = rule === null || rule === '""' ? rule : rules.add(rule);
    made.set(key, short);
    return short;
  };
  const lists = from([...known], 0);
  return lists === null ? null : `"[" ${lists} "]"`;
}

function ofObject(choice: JsonObject, within: Within): string | null {
  const { rules, refuse, inner } = within;
  const properties = (choice["properties"] ?? {}) as JsonObject;
  const required = (choice["required"] ?? []) as string[];
  const patterns = Object.entries((choice["patternProperties"] ?? {}) as JsonObject)
    .map(([pattern, schema]) => ({ pattern, schema, texts: matching(pattern) }));
  const { minProperties = 0, maxProperties = Infinity } = choice as Record<string, number>;
  if (minProperties > maxProperties) return null;
  if (maxProperties !== Infinity && maxProperties > COUNTED) {
    refuse(`the grammar counts up to ${COUNTED} members; leave maxProperties out, or use a smaller one`);
  }
  const allowed = choice["propertyNames"] === undefined ? null : namesOf(choice["propertyNames"], within);
  const names = [...new Set([...Object.keys(properties), ...required])];
  const isOpen = names.length + patterns.length === 0;
  const more = choice["additionalProperties"] ?? (isOpen ? true : undefined);

  const named = [];
  for (const name of names) {
    const parts = patterns.filter(({ texts }) => has(texts, name)).map(({ schema }) => schema);
    if (Object.hasOwn(properties, name)) parts.push(properties[name]);
    const schema = parts.length > 0 ? all(...parts) : more ?? true;
    const isAllowed = allowed === null || has(allowed, name);
    const value = isAllowed ? inner(schema, `.properties.${name}`) : null,
      isRequired = required.includes(name);
    if (value !== null) named.push({ name, value, isRequired });
    else if (isRequired) return null;
  }
  const kinds = [
    ...patterns.map(({ pattern, schema, texts }) => ({
      schema,
      step: `.patternProperties.${pattern}`,
      texts,
    })),
    ...more === undefined || more === false
      ? []
      : [{ schema: more, step: ".additionalProperties", texts: null }],
  ];
  const free = kinds.flatMap(({ schema, step, texts }, i) => {
    const others = kinds.slice(0, i).map(({ texts }) => texts).filter((texts) => texts !== null);
    if (texts !== null && others.some((other) => !inAll([texts, other]).isEmpty)) {
      refuse("the grammar can't follow two patternProperties that the same name may match");
    }
    const sets = [texts, allowed, names.length > 0 ? outside(onlyWords(names)) : null];
    if (texts === null) sets.push(...others.map(outside));
    const [first, ...rest] = sets.filter((set) => set !== null);
    const name = first === undefined ? rules.string : textRule(rules, inAll([first, ...rest]));
    const value = name === null ? null : inner(schema, step);
    return name === null || value === null ? [] : [rules.add(`${name} ": " ${value}`)];
  });
  return objectRule(rules, { named, free, least: minProperties, most: maxProperties });
}

/** Names that `propertyNames` takes; null: all. */
function namesOf(schema: unknown, { choices, refuse }: Within): TextSet | null {
  const sets = choices(schema, ".propertyNames").map((choice) => {
    if (choice["enum"] !== undefined) {
      return onlyWords((choice["enum"] as unknown[]).filter((one) => typeof one === "string"));
    }
    const narrowing = ["pattern", "format", "minLength", "maxLength"].some((name) =>
      choice[name] !== undefined
    );
    return narrowing ? textsOf(choice, refuse) : null;
  });
  if (sets.length !== 1) return refuse("the grammar follows one kind of propertyNames");
  return sets[0] ?? null;
}
