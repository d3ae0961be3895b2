/**
 * Schemas that no value fits both of, as far as that can be seen: by type, by listed values, or by a property that tells them apart.
 * @module
 */

import { type JsonObject, jsonType } from "./json.ts";

/** A schema behind its `$ref`s; null where one leads nowhere, or round in a circle. */
export function resolved(schema: unknown, root: unknown): JsonObject | null {
  let found = schema;
  for (let steps = 0; steps < 50; steps++) {
    if (typeof found !== "object" || found === null) return null;
    const { $ref } = found as JsonObject;
    if ($ref === undefined) return found as JsonObject;
    if (typeof $ref !== "string") return null;
    found = $ref.split("/").slice(1).reduce<unknown>(
      (inside, name) =>
        typeof inside === "object" && inside !== null && Object.hasOwn(inside, name)
          ? (inside as JsonObject)[name]
          : undefined,
      root,
    );
  }
  return null;
}

/** True where surely no value fits both schemas. */
export function disjoint(a: unknown, b: unknown, root: unknown): boolean {
  const [first, second] = [resolved(a, root), resolved(b, root)];
  if (first === null || second === null) return false;
  const values = [valuesOf(first), valuesOf(second)];
  if (values[0] && values[1]) return !values[0].some((value) => values[1]?.includes(value));
  const types = [typesOf(first), typesOf(second)];
  if (types[0] && types[1] && !types[0].some((type) => types[1]?.includes(type))) return true;
  return requiredOf(first).filter((name) => requiredOf(second).includes(name)).some((name) =>
    disjoint(propertyOf(first, name), propertyOf(second, name), root)
  );
}

function valuesOf(schema: JsonObject): string[] | null {
  if (Object.hasOwn(schema, "const")) return [JSON.stringify(schema["const"])];
  return Array.isArray(schema["enum"]) ? schema["enum"].map((value) => JSON.stringify(value)) : null;
}

function typesOf(schema: JsonObject): string[] | null {
  const types = schema["type"] === undefined
    ? valuesOf(schema)?.map((value) => jsonType(JSON.parse(value)))
    : [schema["type"]].flat() as string[];
  return types?.map((type) => type === "integer" ? "number" : type) ?? null;
}

/** Names that a value surely has, where it is an object. */
function requiredOf({ type, required }: JsonObject): string[] {
  return type === "object" && Array.isArray(required) ? required : [];
}

function propertyOf({ properties }: JsonObject, name: string): unknown {
  return typeof properties === "object" && properties !== null && Object.hasOwn(properties, name)
    ? (properties as JsonObject)[name]
    : null;
}
