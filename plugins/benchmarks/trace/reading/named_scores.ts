/**
 * Gives scores to the constraints that they name: by the constraint's text, by the id of its rule or by its number, in any order.
 * By place only when not one of them names a constraint, and only when there are as many as constraints.
 * @module
 */
import { distance } from "fastest-levenshtein";

import { counted } from "../../../../formats/counted.ts";
import type { Verdict } from "../../../kinds/judgement.ts";
import { COUNTED_LAST } from "./behind_sign.ts";
import { labelOf, withoutLabel } from "./label.ts";
import { NO_SCORE } from "./no_score.ts";
import { foldJudgeText } from "./plain_text.ts";
import { stripEnds } from "../../../../formats/python_text.ts";

/** A score with the names that a judge gave it. */
export interface NamedScore {
  /** Texts that may be a constraint's, in the order in which they are tried; empty: unnamed. */
  names: readonly string[];
  /** The score, or null with a reason. */
  verdict: Verdict;
  /** True if the text ends right behind the number, which may be the beginning of another. */
  cut?: boolean;
  /** True for an entry that no score can be told of for certain; its verdict is null. */
  unread?: boolean;
  /** True for such an entry with a number where scores stand: what was said of its constraint before doesn't hold any more. */
  numbered?: boolean;
}

/** An entry without a score. */
export function unread(...names: readonly string[]): NamedScore {
  return {
    names,
    verdict: { score: null, reason: "the judge's entry for it has no score that can be told for certain" },
    unread: true,
  };
}

/** Things that a score can name. */
export interface Nameable {
  /** The constraint's text. */
  text: string;
  /** Its rule, if any. */
  rule?: { id: string };
}

/**
 * One verdict per constraint, in their order. Constraints of the same text are filled in order; of several scores that name one
 * constraint the last counts.
 */
export function assignScores(scores: readonly NamedScore[], constraints: readonly Nameable[]): Verdict[] {
  const known = new Names(constraints, scores);
  const verdicts: (Verdict | undefined)[] = constraints.map(() => undefined);
  let named = 0;
  for (const { names, verdict, unread, numbered = false } of scores) {
    const places = known.find(names);
    const place = places.find((i) => verdicts[i] === undefined) ?? places.at(-1);
    if (place === undefined) continue;
    if (unread !== true || verdicts[place] === undefined || numbered) {
      verdicts[place] = verdict;
    }
    named++;
  }
  if (named === 0 && fillPlaces(scores, constraints.length)) return scores.map(({ verdict }) => verdict);
  const given = scores.filter(({ unread }) => unread !== true).length;
  const counts = `${counted(given, "score")} for ${counted(constraints.length, "constraint")}`;
  const reason = scores.length === 0
    ? NO_SCORE
    : named === 0
    ? `the judge gave ${counts}, none by its name`
    : `the judge gave ${counts}, none of them for this one`;
  return verdicts.map((verdict) => verdict ?? { score: null, reason });
}

/** Names of a score that is of no single constraint. */
const OF_ALL =
  /^\W{0,6}(?:(?:the|final|constraints?|overall|total|average|mean|weighted)[\s_-]{1,2}){0,3}(?:overall|total|sum|average|avg|mean|maximum|max|minimum|min|overall[\s_-]?scores?|总分|总体.{0,4}|总评.{0,4}|平均分?|合计|综合.{0,4}|整体.{0,4})\W{0,6}$/i;

/** True if scores stand for the constraints in their order: as many, none left out, and none with another number in its name. */
function fillPlaces(scores: readonly NamedScore[], count: number): boolean {
  if (scores.length !== count || scores.some(({ unread }) => unread)) return false;
  if (scores.some(({ names }) => names.some((name) => OF_ALL.test(name) || COUNTED_LAST.test(name)))) {
    return false;
  }
  const numbers = scores.map(({ names }) => /\d{1,3}/.exec(names.join(" "))?.[0]);
  return numbers.every((number) => number === undefined) ||
    [0, 1].some((first) => numbers.every((number, i) => Number(number) === i + first));
}

/** Where each name leads to. */
class Names {
  readonly #texts = new Map<string, number[]>();
  readonly #rules = new Map<string, number[]>();
  readonly #labels = new Map<string, number[]>();
  readonly #own: string[];
  readonly #few: boolean;

  constructor(constraints: readonly Nameable[], scores: readonly NamedScore[]) {
    const own = constraints.map(({ text }) => nameOf(text));
    this.#few = scores.length <= 4 * constraints.length;
    this.#own = own.map(({ text }) => text);
    constraints.forEach(({ rule }, i) => {
      add(this.#texts, this.#own[i] ?? "", i);
      if (rule !== undefined) add(this.#rules, rule.id.toLowerCase(), i);
    });
    const labels = own.map(({ label }) => label);
    const labelled = labels.every((label) => label !== undefined) && new Set(labels).size === labels.length;
    const numbers = scores.flatMap(({ names }) => names.map((name) => nameOf(name).label ?? ""));
    const fromZero = numbers.includes("0") && !numbers.includes(String(constraints.length)) &&
      !labels.includes("0");
    const doubtful = this.#doubtful(scores);
    labels.forEach((own, i) => {
      // a judge that counts from 0 doesn't mean the constraints' own numbers
      const label = labelled && !fromZero ? own ?? "" : String(fromZero ? i : i + 1);
      if (!doubtful.has(label)) add(this.#labels, label, i);
    });
  }

  /** Numbers that several entries have, each with a text that is no constraint's: then they don't say which is meant. */
  #doubtful(scores: readonly NamedScore[]): Set<string> {
    const texts = new Map<string, Set<string>>();
    for (const { label, text } of scores.flatMap(({ names }) => names.map(nameOf))) {
      if (label === undefined || text === "" || this.#texts.has(text)) continue;
      texts.set(label, (texts.get(label) ?? new Set()).add(text));
    }
    return new Set([...texts].flatMap(([label, { size }]) => size > 1 ? [label] : []));
  }

  /** Places of the constraints that the first fitting name leads to. */
  find(names: readonly string[]): readonly number[] {
    const parsed = names.map(nameOf);
    for (const { text } of parsed) {
      const places = text === "" ? undefined : this.#texts.get(text);
      if (places !== undefined) return places;
    }
    for (const name of names) {
      const places = this.#rules.get(name.trim().toLowerCase());
      if (places?.length === 1) return places;
    }
    for (const { label } of parsed) {
      const places = label === undefined ? undefined : this.#labels.get(label);
      if (places !== undefined) return places;
    }
    for (const { text } of this.#few ? parsed : []) {
      const near = this.#own.flatMap((own, i) => isNear(own, text) ? [i] : []);
      if (near.length === 1) return near;
    }
    return [];
  }
}

/** True if a judge has cut a text short, or written it with a few other letters (a quarter of them at most). */
function isNear(own: string, text: string): boolean {
  if (own.length < 6 || text.length < 6) return false;
  if (own.startsWith(text) || text.startsWith(own)) return true;
  const [a, b] = [own.slice(0, COMPARED), text.slice(0, COMPARED)];
  return distance(a, b) <= Math.max(a.length, b.length) / 4;
}

function add(map: Map<string, number[]>, key: string, place: number): void {
  const places = map.get(key);
  if (places === undefined) map.set(key, [place]);
  else places.push(place);
}

/** Letters of a text that are compared one by one, because that takes quadratic time. */
const COMPARED = 256;

/** A name as its label, such as the `2` of `2. in capitals`, and its text without numbering, quotes, blanks and end marks. */
function nameOf(name: string): { label?: string; text: string } {
  const plain = foldJudgeText(name).normalize("NFKC").toLowerCase().replace(/\\n/g, " ").replace(
    /\\(.)/g,
    "$1",
  )
    .replace(/^\s?#(?=\d)/, "number ").replace(/["“”'‘’「」『』\x60*~#]/g, "").replace(/\s+/g, " ").trim();
  const found = labelOf(plain);
  const text = stripEnds(
    withoutLabel(plain).replace(/^[-•·+] /, "").replaceAll(" ", ""),
    "。.;；,，:：!！…",
    "right",
  );
  return found === undefined ? { text } : { label: found.label, text };
}
