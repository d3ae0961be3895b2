/**
 * What a plugin is handed of values that others go on with: one that writes to them would change what is scored, or learnt, unseen.
 * @module
 */

/** A copy of lists and plain objects, however deep, that can't be written to; anything else in it is what it was. */
export function frozenCopy<T>(value: T): T {
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy)) as T;
  if (!isPlain(value)) return value;
  return Object.freeze(
    Object.fromEntries(Object.entries(value).map(([key, each]) => [key, frozenCopy(each)])),
  ) as T;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
