/**
 * Checks a text by one rule of a table: the id is looked up, the arguments are validated, and what can't be decided is null with
 * the reason.
 * @module
 */
import { didYouMean } from "../../../formats/did_you_mean.ts";
import { describeRowFault } from "../../../formats/records/row_fault.ts";
import { inWords } from "../../../formats/zod_words.ts";
import type { Constraint, Verdict } from "../../kinds/judgement.ts";
import type { Check, CheckModels } from "./checks/check.ts";
import { strip } from "../../../formats/python_text.ts";

/** Checks that need one of {@linkcode CheckModels}, and which. */
const NEEDED: ReadonlyMap<string, keyof CheckModels> = new Map([
  ["language:response_language", "languages"],
  ["change_case:english_capital", "languages"],
  ["change_case:english_lowercase", "languages"],
  ["words:odd_even_syllables", "syllables"],
  ["words:start_verb", "tagger"],
  ...[
    "length_constraints:number_sentences",
    "change_case:capital_word_frequency",
    "count:pronouns",
    "ratio:sentence_type",
    "ratio:sentence_balance",
    "ratio:overlap",
    "ratio:sentence_words",
    "words:last_first",
    "words:keywords_specific_position",
    "words:words_position",
    "sentence:alliteration_increment",
    "sentence:keyword",
    "sentence:increment",
    "format:emoji",
    "format:no_bullets_bullets",
    "format:title_case",
    "custom:word_reverse",
    "custom:sentence_alphabet",
  ].map((id) => [id, "punkt"] as const),
]);

/** Why a check is left unscored without its model. */
const WITHOUT: Readonly<Record<keyof CheckModels, string>> = {
  punkt: "models of sentences and languages",
  languages: "models of sentences and languages",
  syllables: "a list of syllables",
  tagger:
    "NLTK's tagger of parts of speech, which doesn't come along: name the folder of your averaged_perceptron_tagger_eng as the option tagger",
};

/** The model without which a rule can't be checked; undefined: none. */
export function neededModel(id: string): keyof CheckModels | undefined {
  return NEEDED.get(id);
}

/**
 * Judges one constraint: 1 kept, 0 broken (a blank response breaks every one), null with a reason when the rule is
 * unknown, its arguments are not what it needs, or it needs models and there are none. Arguments that are null count as not given.
 * @param models Models of sentences and languages, see {@linkcode neededModel}; null: none.
 */
export function checkOne(
  checks: Readonly<Record<string, Check>>,
  { id, kwargs }: NonNullable<Constraint["rule"]>,
  response: string,
  models: CheckModels | null,
): Verdict {
  const check = Object.hasOwn(checks, id) ? checks[id] : undefined;
  if (check === undefined) {
    return { score: null, reason: `unknown rule "${id}"${didYouMean(id, Object.keys(checks))}` };
  }
  const given = Object.fromEntries(Object.entries(kwargs).filter(([, value]) => value !== null));
  const parsed = check.kwargs.safeParse(given, inWords);
  if (!parsed.success) {
    return {
      score: null,
      reason: `arguments of rule "${id}": ${describeRowFault(given, check.kwargs, parsed.error, "kwargs")}`,
    };
  }
  const needed = NEEDED.get(id);
  if (needed !== undefined && models?.[needed] === undefined) {
    return { score: null, reason: `rule "${id}" needs ${WITHOUT[needed]}` };
  }
  try {
    // a rule outside NEEDED never looks at them; what can't be decided of any response isn't of a blank one
    const follows = check.follows(response, parsed.data, models as CheckModels);
    if (strip(response) === "") return { score: 0, reason: "blank response" };
    return { score: follows ? 1 : 0 };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { score: null, reason: `arguments of rule "${id}": ${error.message}` };
  }
}
