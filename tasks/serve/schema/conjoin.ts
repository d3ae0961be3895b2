/**
 * Schemas that hold at once (`allOf`, keywords beside `$ref` and `anyOf`), as one.
 * @module
 */
import type { JsonObject } from "./json.ts";

/** Both of two keywords' values, by keyword. `pattern` and `format` become lists. */
const BOTH: Readonly<Record<string, (a: never, b: never) => unknown>> = {
  minimum: Math.max,
  exclusiveMinimum: Math.max,
  minLength: Math.max,
  minItems: Math.max,
  minProperties: Math.max,
  maximum: Math.min,
  exclusiveMaximum: Math.min,
  maxLength: Math.min,
  maxItems: Math.min,
  maxProperties: Math.min,
  pattern: (a: unknown[], b: unknown[]) => [...new Set([...a, ...b])],
  format: (a: unknown[], b: unknown[]) => [...new Set([...a, ...b])],
  required: (a: string[], b: string[]) => [...new Set([...a, ...b])],
  uniqueItems: (a: boolean, b: boolean) => a || b,
  propertyNames: all,
};

/** A schema of all given ones; what says nothing falls away. */
export function all(...schemas: unknown[]): unknown {
  const narrowing = schemas.filter((schema) =>
    schema !== undefined && schema !== true && JSON.stringify(schema) !== "{}"
  );
  const different = [...new Map(narrowing.map((schema) => [JSON.stringify(schema), schema])).values()];
  return different.length === 0 ? true : different.length === 1 ? different[0] : { allOf: different };
}

/**
 * One schema that says what two say, neither of which has choices.
 * @returns null: no value fits both
 * @throws {RangeError} If two `multipleOf` can't be one
 */
export function conjoined(a: JsonObject, b: JsonObject): JsonObject | null {
  const made: JsonObject = { ...a, ...b };
  for (const name of Object.keys(a).filter((name) => Object.hasOwn(b, name))) {
    const join = BOTH[name];
    if (join !== undefined) made[name] = join(a[name] as never, b[name] as never);
  }
  if (a["type"] !== undefined && b["type"] !== undefined) {
    made["type"] = typesOfBoth(a["type"] as string[], b["type"] as string[]);
    if ((made["type"] as string[]).length === 0) return null;
  }
  if (a["enum"] !== undefined && b["enum"] !== undefined) {
    const others = (b["enum"] as unknown[]).map((value) => JSON.stringify(value));
    made["enum"] = (a["enum"] as unknown[]).filter((value) => others.includes(JSON.stringify(value)));
  }
  if (a["multipleOf"] !== undefined && b["multipleOf"] !== undefined) {
    made["multipleOf"] = multipleOfBoth(a["multipleOf"] as number, b["multipleOf"] as number);
  }
  return { ...made, ...itemsOfBoth(a, b), ...membersOfBoth(a, b) };
}

function typesOfBoth(a: readonly string[], b: readonly string[]): string[] {
  const has = (types: readonly string[], type: string) =>
    types.includes(type) || type === "integer" && types.includes("number");
  return [...new Set([...a.filter((type) => has(b, type)), ...b.filter((type) => has(a, type))])];
}

function multipleOfBoth(a: number, b: number): number {
  const [small, large] = [Math.min(a, b), Math.max(a, b)];
  if (large % small === 0) return large;
  if (!Number.isInteger(a) || !Number.isInteger(b)) {
    throw new RangeError(`multipleOf ${a} and ${b} at once can't be followed`);
  }
  const gcd = (x: number, y: number): number => y === 0 ? x : gcd(y, x % y);
  return a / gcd(a, b) * b;
}

function itemsOfBoth(a: JsonObject, b: JsonObject): JsonObject {
  const [first, second] = [a, b].map((one) => (one["prefixItems"] ?? []) as unknown[]);
  const count = Math.max(first?.length ?? 0, second?.length ?? 0);
  const prefixItems = Array.from({ length: count }, (_, i) => {
    const has = (list: unknown[] | undefined, one: JsonObject) =>
      i < (list?.length ?? 0) ? list?.[i] : one["items"];
    return all(has(first, a), has(second, b));
  });
  return {
    ...(count > 0 && { prefixItems }),
    ...(a["items"] !== undefined && b["items"] !== undefined && { items: all(a["items"], b["items"]) }),
  };
}

/** Members are those of either, under what the other says about names that it doesn't know. */
function membersOfBoth(a: JsonObject, b: JsonObject): JsonObject {
  const named = [a, b].map((one) => (one["properties"] ?? {}) as JsonObject);
  const patterns = [a, b].map((one) => (one["patternProperties"] ?? {}) as JsonObject);
  const others = [a["additionalProperties"], b["additionalProperties"]];
  const joined = (lists: JsonObject[], isOther: (name: string, side: number) => boolean) =>
    Object.fromEntries(
      [...new Set(lists.flatMap((list) => Object.keys(list)))].map((name) => [
        name,
        all(
          ...lists.map((list, side) =>
            Object.hasOwn(list, name) ? list[name] : isOther(name, side) ? others[side] : true
          ),
        ),
      ]),
    );
  const properties = joined(
    named,
    (name, side) => !Object.keys(patterns[side] ?? {}).some((pattern) => new RegExp(pattern, "u").test(name)),
  );
  const patternProperties = joined(patterns, () => true);
  return {
    ...(Object.keys(properties).length > 0 && { properties }),
    ...(Object.keys(patternProperties).length > 0 && { patternProperties }),
    ...(others[0] !== undefined && others[1] !== undefined && { additionalProperties: all(...others) }),
  };
}
