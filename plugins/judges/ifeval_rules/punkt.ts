/**
 * Punkt sentence segmentation with the English model, as NLTK 3.10 does it: candidates are `.`, `?` and `!` before white
 * space or closing punctuation; word types, an orthographic rule, collocations and frequent sentence starters decide.
 *
 * Kiss and Strunk 2006, "Unsupervised Multilingual Sentence Boundary Detection", Computational Linguistics 32(4).
 * @module
 */
import { pythonRegExp } from "./python_regexp.ts";
import { SPACE } from "../../../formats/python_text.ts";

/** The model: what was learnt from text about abbreviations and words that begin sentences. */
export interface PunktModel {
  /** Lower case, without the final period. */
  abbreviations: ReadonlySet<string>;
  /** Words that often begin sentences, lower case. */
  starters: ReadonlySet<string>;
  /** Pairs of word types around a period that is no sentence end, joined by a space. */
  collocations: ReadonlySet<string>;
  /** Flags by lower-case type: 2, 4, 8 seen with upper case at the start, in the middle, anywhere of a sentence; 16, 32, 64 with lower case. */
  contexts: ReadonlyMap<string, number>;
}

interface Token {
  text: string;
  /** Lower case, numbers as `##number##`. */
  type: string;
  ends: boolean;
  abbreviation: boolean;
  ellipsis: boolean;
}

const MIDDLE_UPPER = 4;
const ANY_UPPER = 14;
const START_LOWER = 16;
const ANY_LOWER = 112;

const CLOSING = String.raw`)\";}\]*:@'({\[\u2018\u2019\u201c\u201d\xab\xbb!?`;
const MULTIPLE = String.raw`(?:\-{2,}|\.{2,}|(?:\.\s){2,}\.)`;
const WORDS = pythonRegExp(
  String
    .raw`${MULTIPLE}|(?=[^(\"\`{\[:;&#*@)}\]\-,])\S+?(?=\s|$|[${CLOSING}]|${MULTIPLE}|,(?=$|\s|[${CLOSING}]|${MULTIPLE}))|\S`,
  "g",
);
const CANDIDATE = pythonRegExp(String.raw`[.?!](?=(?P<after>[${CLOSING}]|\s+(?P<next>\S+)))`, "g");
const REALIGN = pythonRegExp(String.raw`\A[\"')\]}\u2018\u2019\u201c\u201d\xab\xbb]+?(?:\s+|(?=--)|$)`, "m");
const NUMBER = pythonRegExp(String.raw`^-?[.,]?\d[\d,.\-]*\.?$`);
const INITIAL = pythonRegExp(String.raw`\A[^\W\d]\.$`);
const ELLIPSIS = pythonRegExp(String.raw`\A\.\.+$`);
const ASCII_SPACE = " \t\n\r\v\f";
const TRAILING = new RegExp(`[${SPACE}]`, "u");

/** Splits text into sentences; white space between them is left out. Text without a visible character gives none. */
export function punktSentences(text: string, model: PunktModel): string[] {
  const sentences: string[] = [];
  let shift = 0; // what the sentence before has taken from the beginning of this one
  const pieces = split(text, model);
  for (const [i, [start, end]] of pieces.entries()) {
    const from = start + shift;
    const following = pieces[i + 1];
    shift = 0;
    if (following !== undefined) {
      const closing = REALIGN.exec(text.slice(...following))?.[0];
      if (closing !== undefined) {
        sentences.push(text.slice(from, following[0] + trimEnd(closing).length));
        shift = closing.length;
        continue;
      }
    }
    const sentence = text.slice(from, Math.max(from, end));
    if (sentence !== "") sentences.push(sentence);
  }
  return sentences;
}

/** Number of sentences. */
export function countSentences(text: string, model: PunktModel): number {
  return punktSentences(text, model).length;
}

function split(text: string, model: PunktModel): [number, number][] {
  const pieces: [number, number][] = [];
  let start = 0;
  for (const { end, context, next } of candidates(text)) {
    if (!containsBreak(context, model)) continue;
    pieces.push([start, end + 1]);
    start = next ?? end + 1;
  }
  pieces.push([start, trimEnd(text).length]);
  return pieces;
}

/** Possible sentence ends, each with the word before it and the token after it; of several in one word the last. */
function* candidates(text: string): Generator<{ end: number; context: string; next?: number }> {
  let previous: { end: number; context: string; next?: number; from: number } | undefined;
  let word: [number, number] = [0, 0];
  for (const match of text.matchAll(CANDIDATE)) {
    const before = text.slice(word[1], match.index);
    const space = lastSpace(before);
    const from = space > 0 ? word[1] + space + 1 : word[0];
    if (previous !== undefined && word[1] <= from) yield contextOf(text, word, previous);
    const { after, next } = match.groups!;
    previous = {
      end: match.index,
      context: match[0] + after!,
      from,
      ...(next === undefined ? {} : { next: match.index + 1 + after!.length - next.length }),
    };
    word = [from, match.index];
  }
  if (previous !== undefined) yield contextOf(text, word, previous);
}

function contextOf<T extends { context: string }>(text: string, word: [number, number], candidate: T): T {
  return { ...candidate, context: text.slice(...word) + candidate.context };
}

function lastSpace(text: string): number {
  for (let i = text.length - 1; i > 0; i--) if (ASCII_SPACE.includes(text.charAt(i))) return i;
  return 0;
}

function containsBreak(context: string, model: PunktModel): boolean {
  const tokens = tokenize(context, model);
  tokens.forEach((token, i) => revise(token, tokens[i + 1], model));
  return tokens.slice(0, -1).some((token) => token.ends); // the end of the last token ends nothing
}

function tokenize(text: string, model: PunktModel): Token[] {
  return text.split("\n").flatMap((line) => line.match(WORDS) ?? []).map((word) => {
    const lower = word.toLowerCase();
    const token: Token = {
      text: word,
      type: NUMBER.test(lower) ? "##number##" : lower,
      ends: false,
      abbreviation: false,
      ellipsis: false,
    };
    if (word === "." || word === "?" || word === "!") token.ends = true;
    else if (ELLIPSIS.test(word)) token.ellipsis = true;
    else if (word.endsWith(".") && !word.endsWith("..")) {
      const base = lower.slice(0, -1);
      token.abbreviation = model.abbreviations.has(base) || model.abbreviations.has(base.split("-").at(-1)!);
      token.ends = !token.abbreviation;
    }
    return token;
  });
}

/** Second pass over a pair of tokens; changes the first. */
function revise(token: Token, next: Token | undefined, model: PunktModel): void {
  if (next === undefined || !token.text.endsWith(".")) return;
  const type = withoutPeriod(token.type);
  const nextType = next.ends ? withoutPeriod(next.type) : next.type;
  const initial = INITIAL.test(token.text);
  if (model.collocations.has(`${type} ${nextType}`)) {
    token.ends = false;
    return;
  }
  const starts = orthographic(next, nextType, model);
  if ((token.abbreviation || token.ellipsis) && !initial) {
    if (starts === true || (isUpperFirst(next.text) && model.starters.has(nextType))) {
      token.ends = true;
      return;
    }
  }
  if (!initial && type !== "##number##") return;
  const neverLower = ((model.contexts.get(nextType) ?? 0) & ANY_LOWER) === 0;
  if (starts === false || (starts === undefined && initial && isUpperFirst(next.text) && neverLower)) {
    token.ends = false;
  }
}

/** True if the token begins a sentence; undefined when its spelling doesn't tell. */
function orthographic(token: Token, type: string, model: PunktModel): boolean | undefined {
  if (/^[;:,.!?]$/.test(token.text)) return false;
  const seen = model.contexts.get(type) ?? 0;
  if (isUpperFirst(token.text) && (seen & ANY_LOWER) !== 0 && (seen & MIDDLE_UPPER) === 0) return true;
  const lowerFirst = /^\p{Lowercase}/u.test(token.text);
  if (lowerFirst && ((seen & ANY_UPPER) !== 0 || (seen & START_LOWER) === 0)) return false;
  return undefined;
}

function isUpperFirst(text: string): boolean {
  return /^\p{Uppercase}/u.test(text);
}

function withoutPeriod(type: string): string {
  return type.length > 1 && type.endsWith(".") ? type.slice(0, -1) : type;
}

function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && TRAILING.test(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** Reads the model from NLTK's parameters as JSON. */
export function readPunktModel(json: string): PunktModel {
  const data = JSON.parse(json) as {
    abbrev_types: string[];
    sentence_starters: string[];
    collocations: [string, string][];
    ortho_context: Record<string, number>;
  };
  return {
    abbreviations: new Set(data.abbrev_types),
    starters: new Set(data.sentence_starters),
    collocations: new Set(data.collocations.map((pair) => pair.join(" "))),
    contexts: new Map(Object.entries(data.ortho_context)),
  };
}
