/**
 * Texts of patterns, formats and lengths.
 * @module
 */
import { didYouMean } from "../../../formats/did_you_mean.ts";
import { TEXT_FORMATS } from "./formats.ts";
import type { JsonObject } from "./json.ts";
import { lengthRule } from "./lengths.ts";
import { inAll, matching, ofLength, textRule, type TextSet } from "./texts.ts";
import type { Within } from "./within.ts";

/**
 * The rule of the texts that fit; null: there is none.
 * @throws {RangeError} If a pattern can't be followed
 * @throws {GrammarTooLarge}
 */
export function stringRule(choice: JsonObject, { rules, refuse }: Within): string | null {
  const { minLength = 0, maxLength = Infinity } = choice as Record<string, number>;
  if (minLength > maxLength) return null;
  const isPlain = expressionsOf(choice, refuse).length === 0;
  return isPlain ? lengthRule(rules, minLength, maxLength) : textRule(rules, textsOf(choice, refuse));
}

/**
 * Expressions of a schema's patterns and formats.
 * @param refuse Told of a format that isn't known
 */
export function expressionsOf(choice: JsonObject, refuse: Within["refuse"]): string[] {
  const known = Object.keys(TEXT_FORMATS);
  const formats = ((choice["format"] ?? []) as string[]).map((name) => {
    const expression = Object.hasOwn(TEXT_FORMATS, name) ? TEXT_FORMATS[name] : undefined;
    return expression ??
      refuse(
        `the grammar doesn't know the format ${name}${didYouMean(name, known)}; known are ${
          known.join(", ")
        }`,
      );
  });
  return [...(choice["pattern"] ?? []) as string[], ...formats];
}

/**
 * The texts that fit.
 * @throws {RangeError} If a pattern can't be followed
 * @throws {GrammarTooLarge}
 */
export function textsOf(choice: JsonObject, refuse: Within["refuse"]): TextSet {
  const { minLength = 0, maxLength = Infinity } = choice as Record<string, number>;
  const isAnyLength = minLength === 0 && maxLength === Infinity;
  const [first, ...others] = expressionsOf(choice, refuse).map(matching);
  if (first === undefined) return ofLength(minLength, maxLength);
  return inAll([first, ...others, ...isAnyLength ? [] : [ofLength(minLength, maxLength)]]);
}
