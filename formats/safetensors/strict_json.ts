/**
 * JSON as strictly as serde_json reads it into the structures of the Rust library of safetensors: what `JSON.parse`
 * forgives (names that come twice, `4.0` for a count, lone surrogates, deep nesting) is an error.
 * @module
 */

/** Deepest nesting that serde_json reads. */
const MAX_DEPTH = 127;
const TOKEN = /"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|[{}[\],:]/g;
const COUNT = /^(0|[1-9][0-9]*)$/;

/** An object or list that is open at a place of the text. */
interface Open {
  /** Names so far; null in a list. */
  readonly names: Set<string> | null;
  /** The name whose value comes next, in a list that of the list. */
  name: string;
  /** True if the next text is a name. */
  expectsName: boolean;
}

/**
 * Parses a JSON text.
 * @param counts Names of values whose numbers have to be written as whole numbers, digits only
 * @throws {SyntaxError} If it isn't JSON, or a name comes twice in an object, a text holds a lone surrogate, a number of
 * `counts` is written otherwise, or values nest more than 127 deep
 */
export function parseStrictJson(text: string, counts: ReadonlySet<string>): unknown {
  const value: unknown = JSON.parse(text);
  const open: Open[] = [];
  for (const [token] of text.matchAll(TOKEN)) {
    const inner = open.at(-1);
    if (token === "{" || token === "[") {
      if (open.length === MAX_DEPTH) throw new SyntaxError(`values nest more than ${MAX_DEPTH} deep`);
      const isObject = token === "{";
      open.push({
        names: isObject ? new Set() : null,
        name: isObject ? "" : inner?.name ?? "",
        expectsName: isObject,
      });
    } else if (token === "}" || token === "]") open.pop();
    else if (token === ",") { if (inner) inner.expectsName = inner.names !== null; }
    else if (token.startsWith('"')) readText(token, inner);
    else if (token !== ":" && inner && counts.has(inner.name) && !COUNT.test(token)) {
      const path = open.flatMap(({ names, name }) => names ? [name.slice(0, 200)] : []).join(".");
      throw new SyntaxError(`${path} holds ${token.slice(0, 40)}, where whole numbers >= 0 are needed`);
    }
  }
  return value;
}

function readText(token: string, inner: Open | undefined): void {
  const text = JSON.parse(token) as string;
  if (!text.isWellFormed()) {
    throw new SyntaxError(`the text ${token.slice(0, 40)} holds half of a surrogate pair`);
  }
  if (!inner?.names || !inner.expectsName) return;
  if (inner.names.has(text)) throw new SyntaxError(`the name ${token.slice(0, 200)} comes twice`);
  inner.names.add(text);
  inner.name = text;
  inner.expectsName = false;
}
