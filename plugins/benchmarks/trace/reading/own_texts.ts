/**
 * A judge's text with one character in place of each constraint that it quotes, so that no number, bracket or colon of a
 * constraint is taken for a score or for what sets one apart.
 * @module
 */
import { withoutLabel } from "./label.ts";
import { stripEnds } from "../../../../formats/python_text.ts";

/** One character that stands for a constraint's own text. */
export const OWN: string = "[\ue000-\uf8ff]";
/** Finds the first of them. */
export const OWN_AT: RegExp = new RegExp(OWN);
const FIRST = 0xe000;
const ALL = new RegExp(OWN, "g");
/** Words that verdicts are made of: a constraint of nothing else isn't hidden. */
const VERDICT_WORDS =
  /^(?:the|final|constraints?|fine|grained|overall|scores?|points?|rating|explanations?|reasons?|out|of|to|得分|评分|分数|打分|说明|解释|理由|约束|分|[^\p{L}])+$/iu;
const QUOTES = `"'“”‘’「」『』`;

/** The constraints of an item as a judge's text quotes them. */
export class OwnTexts {
  readonly #texts: string[] = [];
  readonly #pattern: RegExp | undefined;

  /** @param constraints Texts with their numbers, in order; folded (plain_text.ts) where the judge's text is. */
  constructor(constraints: readonly string[]) {
    const texts = constraints.map((text) => ownText(text)).filter(isTelling);
    this.#texts = [...new Set(texts.map((text) => text.toLowerCase()))].sort((a, b) => b.length - a.length)
      .slice(0, 6400);
    if (this.#texts.length === 0) return;
    this.#pattern = new RegExp(this.#texts.map((text) => `(${patternOf(text)})`).join("|"), "gi");
  }

  /** The text with a character in place of each of them. */
  hide(text: string): string {
    const plain = text.replace(ALL, "\ufffd");
    if (this.#pattern === undefined) return plain;
    return plain.replace(this.#pattern, (...found: unknown[]) => {
      const place = this.#texts.findIndex((_, i) => found[i + 1] !== undefined);
      return String.fromCharCode(FIRST + place);
    });
  }

  /** The constraints again, in small letters. */
  show(text: string): string {
    return text.replace(ALL, (char) => this.#texts[char.charCodeAt(0) - FIRST] ?? char);
  }

  /** The name of a score: only the constraint where it begins with one, whatever its number and the remarks behind it. */
  name(text: string): string {
    const own = text.search(ALL);
    const before = own < 0 ? text : withoutLabel(text.slice(0, own));
    return own >= 0 && !/[\p{L}\d]/u.test(before) ? this.show(text.charAt(own)) : this.show(text);
  }
}

function ownText(text: string): string {
  return stripEnds(withoutLabel(text.trim()), " 。.;；,，:：!！…", "right");
}

function isTelling(text: string): boolean {
  return text.length >= (/[a-z]/i.test(text) ? 4 : 2) && /\p{L}/u.test(text) && !VERDICT_WORDS.test(text);
}

/** The text whatever its blanks and quotes, and not as a part of a word or number. */
function patternOf(text: string): string {
  const inner = text.replace(/\s+|[.*+?^${}()|[\]\\/]|["'“”‘’「」『』]/g, (char) => {
    if (/\s/.test(char)) return String.raw`(?:\s{1,16}|\\n)?`;
    return QUOTES.includes(char) ? String.raw`\\?[${QUOTES}]` : `\\${char}`;
  });
  const before = /^[a-z\d]/.test(text) ? "(?<![a-z\\d])" : "";
  return `${before}${inner}${/[a-z\d]$/.test(text) ? "(?![a-z\\d])" : ""}`;
}
