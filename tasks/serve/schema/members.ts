/**
 * Members of objects: properties with what patterns say of their names, and kinds of free names.
 * @module
 */
import { all } from "./conjoin.ts";
import type { JsonObject } from "./json.ts";
import { objectRule } from "./objects.ts";
import { textsOf } from "./strings.ts";
import { has, inAll, matching, onlyWords, outside, textRule, type TextSet } from "./texts.ts";
import { COUNTED, type Within } from "./within.ts";

/** A kind of members with free names. */
interface FreeKind {
  schema: unknown;
  /** From the object's schema to this one. */
  step: string;
  /** Names; null: those that nothing else takes. */
  texts: TextSet | null;
}

/**
 * The rule of the objects that fit; null: there is none.
 * @throws {RangeError} If a pattern can't be followed
 * @throws {GrammarTooLarge}
 */
export function membersRule(choice: JsonObject, within: Within): string | null {
  const { refuse, inner } = within;
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
  const kinds: FreeKind[] = patterns.map(({ pattern, schema, texts }) => (
    { schema, step: `.patternProperties.${pattern}`, texts }
  ));
  if (more !== undefined && more !== false) {
    kinds.push({ schema: more, step: ".additionalProperties", texts: null });
  }
  const free = freeMembers(kinds, allowed, names, within);
  return objectRule(within.rules, { named, free, least: minProperties, most: maxProperties });
}

/** The rule of each kind: name, colon and value. */
function freeMembers(
  kinds: readonly FreeKind[],
  allowed: TextSet | null,
  names: readonly string[],
  { rules, refuse, inner }: Within,
): string[] {
  return kinds.flatMap(({ schema, step, texts }, i) => {
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
