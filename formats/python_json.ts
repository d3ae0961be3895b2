/**
 * JSON read and written as Python's json module does (`ensure_ascii=False`): order of keys kept, `", "` and `": "` between items, whole
 * numbers of any size, floats by `repr`. Tool definitions and calls are written this way into training texts.
 * @module
 */
import { isPythonJson } from "./python_text.ts";

/** A parsed value. Objects are maps, because JavaScript objects put keys like "1" first. */
export type PyJson = null | boolean | string | PyNumber | PyJson[] | Map<string, PyJson>;

/** A number, as Python would write it. */
export class PyNumber {
  /** Python's `repr`. */
  readonly text: string;
  /**
   * Reads a number.
   * @param source Number literal of Python's JSON.
   */
  constructor(source: string) {
    this.text = /[.eE]/.test(source) ? floatRepr(Number(source)) : source === "-0" ? "0" : source;
  }
}

/** Deeper values are refused, before the stack ends. */
const DEEPEST = 500;

/** @param depth Of lists and objects within each other, ≥ 1 @throws {SyntaxError} If these are more than 500 levels */
export function checkJsonDepth(depth: number): void {
  if (depth > DEEPEST) throw new SyntaxError(`it is nested more than ${DEEPEST} levels deep`);
}

/**
 * Parses JSON, and `NaN`, `Infinity` and `-Infinity` as Python does.
 * @throws {SyntaxError} If the text isn't JSON, or is nested more than 500 levels deep.
 */
export function parsePyJson(text: string): PyJson {
  try {
    JSON.parse(text); // checks the syntax, with the engine's own message
  } catch (error) {
    if (!isPythonJson(text)) throw error;
  }
  return new Reader(text).value();
}

/** Arguments as an object, where they are given as its text (as OpenAI's interface does). */
export function parsedOnce(value: PyJson): PyJson {
  if (typeof value !== "string") return value;
  try {
    const inner = parsePyJson(value);
    return inner instanceof Map ? inner : value;
  } catch {
    return value;
  }
}

/**
 * Writes a value.
 * @param indent Spaces per level, 0 for one line.
 */
export function writePyJson(value: PyJson, indent: number = 0, level: number = 0): string {
  if (value === null) return "null";
  if (typeof value === "boolean") return String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof PyNumber) return value.text;
  const items = Array.isArray(value)
    ? value.map((item) => writePyJson(item, indent, level + 1))
    : [...value].map(([key, item]) => `${JSON.stringify(key)}: ${writePyJson(item, indent, level + 1)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  if (items.length === 0) return `${open}${close}`;
  if (indent === 0) return `${open}${items.join(", ")}${close}`;
  const newline = "\n" + " ".repeat(indent * (level + 1));
  return `${open}${newline}${items.join(`,${newline}`)}\n${" ".repeat(indent * level)}${close}`;
}

/** All texts of a value, names of an object's members included, each replaced by the given function. */
export function mapTexts(value: PyJson, change: (text: string) => string): PyJson {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  if (!(value instanceof Map)) return value;
  return new Map([...value].map(([key, item]) => [change(key), mapTexts(item, change)]));
}

/** Python's `repr` of a float: shortest digits, exponent below 1e-4 and from 1e16 on. */
export function floatRepr(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [digits, exponent] = value.toExponential().split("e") as [string, string];
  const power = Number(exponent);
  if (power < -4 || power >= 16) {
    return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  const sign = digits.startsWith("-") ? "-" : "";
  const all = digits.replace(/[-.]/g, "");
  if (power < 0) return `${sign}0.${"0".repeat(-power - 1)}${all}`;
  const whole = all.padEnd(power + 1, "0");
  return `${sign}${whole.slice(0, power + 1)}.${whole.slice(power + 1) || "0"}`;
}

/** Reads text that is known to be valid. */
class Reader {
  readonly #text: string;
  #position = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): PyJson {
    this.#space();
    const rest = /[[{"]|true|false|null|NaN|-?Infinity|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
    rest.lastIndex = this.#position;
    const token = rest.exec(this.#text)![0];
    if (token === '"') return this.#string();
    this.#position += token.length;
    if (token === "[" || token === "{") {
      checkJsonDepth(++this.#depth);
      const value = token === "[" ? this.#list() : this.#object();
      this.#depth--;
      return value;
    }
    if (token === "null") return null;
    return token === "true" ? true : token === "false" ? false : new PyNumber(token);
  }

  #space(): void {
    while (/[ \t\r\n]/.test(this.#text[this.#position] ?? "")) this.#position++;
  }

  #string(): string {
    const pattern = /"(?:[^"\\]|\\.)*"/y;
    pattern.lastIndex = this.#position;
    const literal = pattern.exec(this.#text)![0];
    this.#position += literal.length;
    return JSON.parse(literal) as string;
  }

  /** True if another item follows; steps over what is before it or over the closing bracket. */
  #more(close: string, first: boolean): boolean {
    this.#space();
    if (this.#text[this.#position] === close) {
      this.#position++;
      return false;
    }
    if (!first) this.#position++;
    return true;
  }

  #list(): PyJson[] {
    const items: PyJson[] = [];
    while (this.#more("]", items.length === 0)) items.push(this.value());
    return items;
  }

  #object(): Map<string, PyJson> {
    const items = new Map<string, PyJson>();
    for (let first = true; this.#more("}", first); first = false) {
      this.#space();
      const key = this.#string();
      this.#space();
      this.#position++;
      items.set(key, this.value());
    }
    return items;
  }
}
