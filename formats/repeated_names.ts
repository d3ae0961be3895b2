/**
 * Names that come twice in an object of a JSON text: `JSON.parse` keeps the last value and says nothing.
 * @module
 */

/** A name that comes twice. */
export interface RepeatedName {
  /** As it is read. */
  name: string;
  /** Where in the text the second one begins, in UTF-16 units. */
  index: number;
}

const STRING = /"(?:[^"\\]|\\.)*"(\s*:)?/g;
const TOKEN = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}]/g;

/**
 * The first name that comes twice in one object; undefined where none does.
 * @param text JSON
 * @param value `JSON.parse(text)`
 */
export function repeatedName(text: string, value: unknown): RepeatedName | undefined {
  let written = 0;
  for (const match of text.matchAll(STRING)) if (match[1] !== undefined) written++;
  // as many in the text as in the value, which is nearly always so: none was lost
  if (written === countNames(value)) return undefined;
  const open: Set<string>[] = [];
  for (const { 0: token, 1: colon, index } of text.matchAll(TOKEN)) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (colon !== undefined) {
      const name = JSON.parse(token.slice(0, -colon.length)) as string;
      const names = open.at(-1);
      if (names?.has(name)) return { name, index };
      names?.add(name);
    }
  }
  return undefined;
}

/** By hand instead of by calls: values may nest as deep as `JSON.parse` reads. */
function countNames(value: unknown): number {
  let count = 0;
  const waiting = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next !== "object" || next === null) continue;
    const values = Object.values(next);
    if (!Array.isArray(next)) count += values.length;
    for (const inner of values) if (typeof inner === "object" && inner !== null) waiting.push(inner);
  }
  return count;
}
