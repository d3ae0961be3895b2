/**
 * Schemas that need themselves: no answer to them ends.
 * @module
 */
import { resolved } from "./disjoint.ts";
import type { JsonObject } from "./json.ts";

/** True where each value of a schema has another one of the same schema in it. */
export function isEndless(schema: unknown, root: unknown, around: readonly unknown[] = []): boolean {
  if (typeof schema !== "object" || schema === null) return false;
  const found = resolved(schema, root);
  if (found === null) return false;
  if (around.includes(found)) return true;
  const inner = (one: unknown) => isEndless(one, root, [...around, found]);
  const list = (name: string) => (Array.isArray(found[name]) ? found[name] : []) as unknown[];
  const properties = (found["properties"] ?? {}) as JsonObject;
  const needed = list("required").map((name) => properties[name as string]);
  const items = Number(found["minItems"] ?? 0) > list("prefixItems").length ? [found["items"]] : [];
  return [...needed, ...items, ...list("allOf")].some(inner) ||
    ["anyOf", "oneOf"].some((name) => list(name).length > 0 && list(name).every(inner));
}
