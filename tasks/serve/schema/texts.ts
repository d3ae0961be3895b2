/**
 * Sets of texts, as automata over characters: what they have in common, and rules that write them as JSON.
 * @module
 */
import { DFA, TooManyNodesError } from "refa";

import { STATES, states, textsWith } from "./patterns.ts";
import { GrammarTooLarge, QUOTE, type Rules } from "./rules.ts";
import { stateRules } from "./state_rules.ts";
import { MAXIMUM } from "./utf8.ts";

/** A set of texts. */
export type TextSet = DFA;

/**
 * Texts that an expression is found in.
 * @throws {RangeError} See {@linkcode textsWith}
 * @throws {GrammarTooLarge}
 */
export function matching(pattern: string): TextSet {
  return limited(() => textsWith(pattern));
}

/** These texts. */
export function onlyWords(words: readonly string[]): TextSet {
  return DFA.fromWords(words.map(points), { maxCharacter: MAXIMUM });
}

/**
 * Texts of so many characters; `most` may be Infinity.
 * @throws {GrammarTooLarge}
 */
export function ofLength(least: number, most: number): TextSet {
  return matching(`^[^]{${least},${most === Infinity ? "" : most}}$`);
}

/**
 * Texts that are in all of the sets.
 * @throws {GrammarTooLarge}
 */
export function inAll([first, ...others]: readonly [TextSet, ...TextSet[]]): TextSet {
  return others.reduce((all, one) => limited(() => DFA.fromIntersection(all, one, states())), first);
}

/** Texts that aren't in the set. */
export function outside(texts: TextSet): TextSet {
  const others = texts.copy();
  others.complement();
  return others;
}

/** True where the set has the text. */
export function has(texts: TextSet, text: string): boolean {
  return texts.test(points(text));
}

/**
 * The rule of texts of a set, in quotes; null: it is empty.
 * @throws {GrammarTooLarge}
 */
export function textRule(rules: Rules, texts: TextSet): string | null {
  const whole = limitedToCharacters(texts);
  if (whole.isEmpty) return null;
  const nameOf = stateRules(rules, (node, ways, nameOf) => {
    const choices = ways.flatMap(([to, ranges]) =>
      rules.ofCharacters(ranges).map((one) => `${one} ${nameOf(to)}`)
    );
    // the quote is part of the states: rules that may be empty cost the library many times as much
    return whole.finals.has(node as DFA.Node) ? [QUOTE, ...choices] : choices;
  }, QUOTE);
  return `${QUOTE} ${nameOf(whole.initial)}`;
}

/**
 * The texts of a set that answers can have: halves of pairs are no characters.
 * @throws {GrammarTooLarge} If they need more states than a grammar may have
 */
export function limitedToCharacters(texts: TextSet): TextSet {
  const whole = limited(() => DFA.fromIntersection(texts, matching("^[^\\ud800-\\udfff]*$"), states()));
  if (whole.countNodes() > STATES) throw tooLarge();
  return whole;
}

function limited(make: () => TextSet): TextSet {
  try {
    const made = make();
    made.minimize();
    return made;
  } catch (error) {
    if (error instanceof TooManyNodesError) throw tooLarge();
    throw error;
  }
}

function tooLarge(): GrammarTooLarge {
  return new GrammarTooLarge(
    `its texts need more than ${STATES} states; use shorter lengths or fewer repetitions`,
  );
}

function points(text: string): number[] {
  return [...text].map((sign) => sign.codePointAt(0) ?? 0);
}
