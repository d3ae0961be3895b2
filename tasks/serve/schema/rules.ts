/**
 * Rules of a grammar in XGrammar's EBNF, collected while a schema is read.
 * @module
 */
import { characters, MAXIMUM, plainCharacters } from "./utf8.ts";

/** Rules that a grammar may have: reading a vocabulary takes the library milliseconds for each. */
const LIMIT = 5000;

/** A grammar that is larger than what is compiled for a request. */
export class GrammarTooLarge extends Error {}

/** Rules by name; the same body is one rule. */
export class Rules {
  readonly #bodies = new Map<string, string>();
  readonly #names = new Map<string, string>();
  /** Rules that any schema may use: a text in quotes, its characters, and any value. */
  readonly string: string = this.add(`${QUOTE} ${CHARACTER}* ${QUOTE}`);
  readonly number: string = this.add(
    `"-"? (${INTEGER}) ("." [0-9]{1,17})? ([eE] [+\\-]? [0-9]{1,2})?`,
  );
  readonly integer: string = this.add(`"0" | "-"? [1-9] [0-9]{0,18}`);
  readonly value: string = this.reserve();
  readonly object: string = this.add(members("{", `${this.string} ": " ${this.value}`, "}"));
  readonly array: string = this.add(members("[", this.value, "]"));

  constructor() {
    const { object, array, string, number } = this;
    this.define(this.value, `${object} | ${array} | ${string} | ${number} | "true" | "false" | "null"`);
  }

  /**
   * The name of a rule of this body.
   * @throws {GrammarTooLarge}
   */
  add(body: string): string {
    const known = this.#names.get(body);
    if (known !== undefined) return known;
    const name = this.reserve();
    this.#names.set(body, name);
    return this.define(name, body);
  }

  /**
   * A name whose rule comes later, for rules that lead back to themselves.
   * @throws {GrammarTooLarge}
   */
  reserve(): string {
    if (this.#bodies.size >= LIMIT) {
      throw new GrammarTooLarge(`its grammar has more than ${LIMIT} rules; use smaller lengths or ranges`);
    }
    const name = `r${this.#bodies.size}`;
    this.#bodies.set(name, '""');
    return name;
  }

  /** Ways of writing one character of these ranges, each an element. */
  ofCharacters(ranges: readonly (readonly [least: number, most: number])[]): string[] {
    return this.#elements(characters(ranges));
  }

  /** The same in texts that aren't JSON. */
  ofPlainCharacters(ranges: readonly (readonly [least: number, most: number])[]): string[] {
    return this.#elements(plainCharacters(ranges));
  }

  #elements({ signs, sequences }: ReturnType<typeof characters>): string[] {
    return sequences.length === 0 ? signs : [...signs, this.add(sequences.join(" | "))];
  }

  /** Ways of writing any character, with escapes that it doesn't need. */
  anyCharacter(): string[] {
    return [...this.ofCharacters([[0x20, MAXIMUM]]), `"\\\\" ${this.add(ESCAPES.join(" | "))}`];
  }

  /** Any characters and the quotation mark behind them. */
  readonly rest: string = this.add(`${CHARACTER}* ${QUOTE}`);

  /** Gives a reserved name its rule. */
  define(name: string, body: string): string {
    this.#bodies.set(name, body);
    return name;
  }

  /** The grammar whose answers are those of a rule. */
  grammar(root: string): string {
    const lines = [...this.#bodies].map(([name, body]) => `${name} ::= ${body}`);
    return [`root ::= ${root}`, ...lines].join("\n");
  }
}

/** A text of the grammar that stands as it is. */
export function terminal(text: string): string {
  const escaped = text.replace(/["\\]/g, "\\$&").replace(
    // deno-lint-ignore no-control-regex
    /[\u0000-\u001f\u007f]/g,
    (sign) => `\\x${sign.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  return `"${escaped}"`;
}

/** A JSON value on one line, as answers write it: a space behind commas and colons. */
export function written(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(written).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${
    Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${written(one)}`).join(", ")
  }}`;
}

/** Any of these; null: there is none. */
export function anyOf(choices: readonly (string | null)[]): string | null {
  const possible = [...new Set(choices.filter((one) => one !== null))];
  return possible.length === 0
    ? null
    : possible.length === 1
    ? possible[0] ?? null
    : `(${possible.join(" | ")})`;
}

/** A repetition; `most` may be Infinity. */
export function repeated(rule: string, least: number, most: number): string {
  if (most === 0) return '""';
  if (least === 0 && most === Infinity) return `${rule}*`;
  return least === 1 && most === 1 ? rule : `${rule}{${least},${most === Infinity ? "" : most}}`;
}

const HEX = "[0-9a-fA-F]";

/** Escapes that a text may have beside those that it needs; halves of pairs are none. */
const ESCAPES = [
  `[/bfnrt]`,
  `"u" [0-9a-cA-CefEF] ${HEX} ${HEX} ${HEX}`,
  `"u" [dD] [0-7] ${HEX} ${HEX}`,
];

const ANY = characters([[0x20, MAXIMUM]]);

/** A character of any text. Groups inside of it would be rules of their own. */
const CHARACTER = `(${
  [...ANY.signs, ...ANY.sequences, ...ESCAPES.map((one) => `"\\\\" ${one}`)].join(" | ")
})`;

/** A quotation mark, which begins and ends a text. */
export const QUOTE = '"\\""';
const INTEGER = `"0" | [1-9] [0-9]{0,18}`;

function members(begin: string, one: string, end: string): string {
  return `"${begin}" (${one} (", " ${one})*)? "${end}"`;
}
