/**
 * `tojson` as transformers has it: Python's `json.dumps`, non-ASCII characters kept.
 * @module
 */
import { floatText } from "./numbers.ts";
import { order } from "./operators.ts";
import { str } from "./print.ts";
import { asItems, asText, Dict, type JinjaValue, TemplateError, truthy, typeName } from "./values.ts";

/** Options of Python's `json.dumps`. */
export interface JsonOptions {
  /** Escape what isn't ASCII. */
  ensure_ascii?: JinjaValue | undefined;
  /** Spaces or text per level; null: one line. */
  indent?: JinjaValue | undefined;
  /** Between items, and between key and value. */
  separators?: JinjaValue | undefined;
  /** Keys in order. */
  sort_keys?: JinjaValue | undefined;
}

/** Deeper values are refused, before the stack ends. */
const DEEPEST = 500;

/**
 * JSON of a value.
 * @throws {TemplateError} If JSON doesn't have it.
 */
export function toJson(value: JinjaValue, options: JsonOptions = {}): string {
  const indent = options.indent ?? null;
  const unit = indent === null
    ? null
    : asText(indent) ?? " ".repeat(Math.max(0, Math.min(100, Number(indent))));
  const given = options.separators == null ? null : asItems(options.separators);
  const [comma, colon] = given ? given.map(str) as [string, string] : [unit === null ? ", " : ",", ": "];
  const isAscii = options.ensure_ascii !== undefined && truthy(options.ensure_ascii);
  const isSorted = options.sort_keys !== undefined && truthy(options.sort_keys);
  const text = (value: string) => {
    const written = JSON.stringify(value);
    return isAscii
      ? written.replace(
        /[\x7f-\uffff]/g,
        (unit) => unit === "\x7f" ? unit : `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
      )
      : written;
  };
  return write(value, 0);

  function write(value: JinjaValue, depth: number): string {
    if (depth > DEEPEST) throw new TemplateError(`a value is nested more than ${DEEPEST} levels deep`);
    if (value === null) return "null";
    if (typeof value === "boolean" || typeof value === "bigint") return String(value);
    if (typeof value === "number") return float(value);
    const plain = asText(value);
    if (plain !== undefined) return text(plain);
    const items = asItems(value);
    if (items !== undefined) return wrap("[]", items.map((item) => write(item, depth + 1)), depth);
    if (value instanceof Dict) {
      const entries = value.items();
      if (isSorted) entries.sort(([a], [b]) => order(a, b));
      return wrap(
        "{}",
        entries.map(([key, item]) => `${text(keyText(key))}${colon}${write(item, depth + 1)}`),
        depth,
      );
    }
    throw new TemplateError(`Object of type ${typeName(value)} is not JSON serializable`);
  }

  function wrap(brackets: string, parts: readonly string[], depth: number): string {
    const [open, close] = brackets;
    if (parts.length === 0) return brackets;
    if (unit === null) return open + parts.join(comma) + close;
    const newline = `\n${unit.repeat(depth + 1)}`;
    return `${open}${newline}${parts.join(comma + newline)}\n${unit.repeat(depth)}${close}`;
  }
}

function float(value: number): string {
  return Number.isFinite(value)
    ? floatText(value)
    : Number.isNaN(value)
    ? "NaN"
    : value > 0
    ? "Infinity"
    : "-Infinity";
}

function keyText(key: JinjaValue): string {
  const text = asText(key);
  if (text !== undefined) return text;
  if (key === null) return "null";
  if (typeof key === "boolean" || typeof key === "bigint") return String(key);
  if (typeof key === "number") return float(key);
  throw new TemplateError(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
}
