/**
 * Checks a text by one rule of a table: the id is looked up, the arguments are validated, and what can't be decided is null with
 * the reason.
 * @module
 */
import { didYouMean } from "../../../formats/did_you_mean.ts";
import type { Constraint, Verdict } from "../../kinds/judgement.ts";
import type { Check, CheckModels } from "./checks/check.ts";
import { strip } from "../../../formats/python_text.ts";

/** Checks of IFEval that need one of {@linkcode CheckModels}, and which. */
const NEEDED: ReadonlyMap<string, keyof CheckModels> = new Map([
  ["language:response_language", "languages"],
  ["length_constraints:number_sentences", "punkt"],
  ["change_case:capital_word_frequency", "punkt"],
  ["change_case:english_capital", "languages"],
  ["change_case:english_lowercase", "languages"],
]);

/** The model of sentences or languages without which a rule can't be checked; undefined: none. */
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
  const parsed = check.kwargs.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return {
      score: null,
      reason: `arguments of rule "${id}": ${faultOf(issue, Object.keys(check.kwargs.shape))}`,
    };
  }
  if (models === null && NEEDED.has(id)) {
    return { score: null, reason: `rule "${id}" needs models of sentences and languages` };
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

type Issue = NonNullable<ReturnType<Check["kwargs"]["safeParse"]>["error"]>["issues"][number];

function faultOf(issue: Issue | undefined, known: readonly string[]): string {
  if (issue?.code !== "unrecognized_keys") return [...issue?.path ?? [], issue?.message].join(" ");
  return issue.keys.map((key) =>
    `unknown argument "${key}"${didYouMean(key, known)} (known: ${known.join(", ") || "none"})`
  ).join("; ");
}
