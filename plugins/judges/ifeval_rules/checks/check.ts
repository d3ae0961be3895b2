/**
 * The parts of a check.
 * @module
 */
import { z } from "zod";
import type { LanguageModel } from "../language.ts";
import type { SyllableWords } from "../syllables.ts";
import type { FirstTagger } from "../tagger.ts";
import type { PunktModel } from "../punkt.ts";

/** Data that checks need besides the text. */
export interface CheckModels {
  /** Splits a text into sentences and words. */
  punkt: PunktModel;
  /** Names the language of a text. */
  languages: LanguageModel;
  /** Syllables of known English words. */
  syllables: SyllableWords;
  /** Tells parts of speech; undefined: none was given. */
  tagger?: FirstTagger;
}

/** One instruction check. */
export interface Check {
  /** Strict schema of its arguments. */
  readonly kwargs: z.ZodObject;
  /**
   * True if a response that isn't blank follows the instruction.
   *
   * @throws {SyntaxError} If an argument is used as a regular expression and is none.
   */
  readonly follows: (response: string, kwargs: Record<string, unknown>, models: CheckModels) => boolean;
}

/** Comparison of a count. */
export const relation: z.ZodEnum<{ "less than": "less than"; "at least": "at least" }> = z.enum([
  "less than",
  "at least",
]);

/** A number to compare a count with. */
export const count: z.ZodInt = z.int().nonnegative();

/** Makes a check with typed arguments. */
export function check<S extends z.core.$ZodLooseShape>(
  shape: S,
  follows: (
    response: string,
    kwargs: z.output<z.ZodObject<S, z.core.$strict>>,
    models: CheckModels,
  ) => boolean,
): Check {
  return Object.freeze({
    kwargs: z.strictObject(shape) as unknown as z.ZodObject,
    follows: follows as Check["follows"],
  });
}

/** Compares a count with a bound. */
export function holds(n: number, how: "less than" | "at least", bound: number): boolean {
  return how === "less than" ? n < bound : n >= bound;
}

/** Number of matches of a global pattern. */
export function matches(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

/** Parts between separators, blank first and last ones left out; undefined when one in between is blank. */
export function partsBetween(
  parts: readonly string[],
  isBlank: (part: string) => boolean,
): string[] | undefined {
  const kept = parts.filter((part, i) => !(isBlank(part) && (i === 0 || i === parts.length - 1)));
  return kept.some(isBlank) ? undefined : kept;
}
