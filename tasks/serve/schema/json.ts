/**
 * Values of JSON, and their types as JSON Schema names them.
 * @module
 */

/** A JSON object, such as a schema. */
export type JsonObject = Record<string, unknown>;

/** Name of a value's type, as JSON Schema has it. */
export function jsonType(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}

/** True of a value that has one of the types. */
export function hasType(value: unknown, types: readonly string[]): boolean {
  const type = jsonType(value);
  return types.includes(type) || type === "number" && Number.isInteger(value) && types.includes("integer");
}
