/**
 * Values as Python prints them: `str` and `repr`.
 * @module
 */
import { floatText } from "./numbers.ts";
import {
  Callable,
  Dict,
  DictView,
  type JinjaValue,
  Loop,
  Markup,
  Namespace,
  Range,
  TemplateError,
  Tuple,
  typeName,
  Undefined,
} from "./values.ts";

/** Lists within lists deeper than this are refused, before the stack ends. */
const DEEPEST = 200;

/** Python's `str(value)`. */
export function str(value: JinjaValue): string {
  if (typeof value === "string") return value;
  if (value instanceof Markup) return value.text;
  return value instanceof Undefined ? "" : repr(value);
}

/** Python's `repr(value)`. @throws {TemplateError} If it is nested too deep */
export function repr(value: JinjaValue, depth: number = 0): string {
  if (depth > DEEPEST) throw new TemplateError(`a value is nested more than ${DEEPEST} levels deep`);
  const inner = (item: JinjaValue) => repr(item, depth + 1);
  if (value === null) return "None";
  if (Array.isArray(value)) return `[${value.map(inner).join(", ")}]`;
  switch (typeof value) {
    case "boolean":
      return value ? "True" : "False";
    case "bigint":
      return String(value);
    case "number":
      return floatText(value);
    case "string":
      return quoted(value);
  }
  if (value instanceof Tuple) {
    return value.items.length === 1
      ? `(${inner(value.items[0]!)},)`
      : `(${value.items.map(inner).join(", ")})`;
  }
  if (value instanceof Dict) {
    return `{${value.items().map(([key, item]) => `${inner(key)}: ${inner(item)}`).join(", ")}}`;
  }
  if (value instanceof DictView) return `dict_${value.kind}(${inner(value.items())})`;
  if (value instanceof Markup) return `Markup(${quoted(value.text)})`;
  if (value instanceof Undefined) return "Undefined";
  if (value instanceof Range) {
    return `range(${value.start}, ${value.stop}${value.step === 1n ? "" : `, ${value.step}`})`;
  }
  if (value instanceof Namespace) return `<Namespace ${inner(new Dict(value.attributes))}>`;
  if (value instanceof Callable) return `<Macro ${quoted(value.name)}>`;
  if (value instanceof Loop) return `<LoopContext ${value.index0 + 1}/${value.items.length}>`;
  return `<${typeName(value)} object>`;
}

/** Python's `ascii(value)`: `repr` with everything beyond ASCII escaped. */
export function ascii(value: JinjaValue): string {
  return repr(value).replace(/[^\0-\x7f]/gu, escaped);
}

const ESCAPED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\" };

/** Python's `repr` of a text. */
function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inner = text.replace(/[\\'"]|[^\P{C}]|[^\P{Z} ]/gu, (char) => {
    if (char === "'" || char === '"') return char === quote ? `\\${char}` : char;
    return ESCAPED[char] ?? escaped(char);
  });
  return quote + inner + quote;
}

function escaped(char: string): string {
  const hex = char.codePointAt(0)!.toString(16);
  return hex.length <= 2
    ? `\\x${hex.padStart(2, "0")}`
    : hex.length <= 4
    ? `\\u${hex.padStart(4, "0")}`
    : `\\U${hex.padStart(8, "0")}`;
}
