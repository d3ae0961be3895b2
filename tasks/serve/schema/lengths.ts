/**
 * Texts of a counted length, whatever their characters.
 * @module
 */
import { GrammarTooLarge, QUOTE, type Rules } from "./rules.ts";

/** Most characters that a grammar counts, and those of a block: fewer are compiled faster, and more of a vocabulary crosses their ends. */
const LONGEST = 10_000, BLOCK = 32;

/**
 * The rule of all texts of so many characters; `most` may be Infinity.
 * @throws {GrammarTooLarge}
 */
export function lengthRule(rules: Rules, least: number, most: number): string {
  if (least === 0 && most === Infinity) return rules.string;
  const last = most === Infinity ? least : most;
  if (last > LONGEST) {
    throw new GrammarTooLarge(
      `it counts up to ${LONGEST} characters: current value is ${last}; use a smaller length, or leave it out`,
    );
  }
  const counted = new CountedCharacters(rules);
  const rest = most === Infinity ? rules.rest : counted.upTo(most - least);
  return `${QUOTE} ${counted.exactly(least, rest)}`;
}

/**
 * Rules that count any characters. The library looks its vocabulary through for each place of a rule when a grammar is compiled, some 0.1 s,
 * so that long counts are made of one block, again and again; only tokens across the ends of blocks are looked at while an answer is made.
 */
class CountedCharacters {
  readonly #any: readonly string[];

  constructor(private readonly rules: Rules) {
    this.#any = rules.anyCharacter();
  }

  /** So many characters, then `rest`. */
  exactly(count: number, rest: string): string {
    const blocks = count > 2 * BLOCK ? Math.floor(count / BLOCK) : 0;
    let rule = this.#chain(count - blocks * BLOCK, rest, []);
    for (let i = 0; i < blocks; i++) rule = this.rules.add(`${this.#block()} ${rule}`);
    return rule;
  }

  /** At most so many characters, and the quotation mark behind them. */
  upTo(count: number): string {
    const blocks = count > 2 * BLOCK ? Math.floor(count / BLOCK) : 0;
    let rule = this.#chain(count - blocks * BLOCK, QUOTE, [QUOTE]);
    if (blocks === 0) return rule;
    const fewer = this.#chain(BLOCK - 1, QUOTE, [QUOTE]), block = this.#block();
    for (let i = 0; i < blocks; i++) rule = this.rules.add(`${block} ${rule} | ${fewer}`);
    return rule;
  }

  /** A character a rule, each also one of the `ends`: rules that may be empty cost the library many times as much. */
  #chain(count: number, rest: string, ends: readonly string[]): string {
    let rule = rest;
    for (let i = 0; i < count; i++) {
      rule = this.rules.add([...ends, ...this.#any.map((one) => `${one} ${rule}`)].join(" | "));
    }
    return rule;
  }

  #block(): string {
    return this.#chain(BLOCK - 1, this.rules.add(this.#any.join(" | ")), []);
  }
}
