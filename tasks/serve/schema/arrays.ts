/**
 * Lists: items one by one at their places, then those of `items`.
 * @module
 */
import { hasType, type JsonObject } from "./json.ts";
import { anyOf, repeated, type Rules, terminal, written } from "./rules.ts";
import { COUNTED, type Within } from "./within.ts";

/** Values whose order and choice are followed where none may come twice. */
const DIFFERENT = 8;

/** The rule of the lists that fit; null: there is none. @throws {GrammarTooLarge} */
export function arrayRule(choice: JsonObject, { rules, refuse, inner }: Within): string | null {
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
