/**
 * Language identification as langdetect 1.0.9 does it with seed 0: naive Bayes over character 1- to 3-grams of 55
 * languages, in seven trials that draw n-grams at random until one language is nearly certain.
 *
 * Shuyo Nakatani 2010, "Language Detection Library for Java"; Python port by Michal Danilák.
 * @module
 */
import { f64, i32, valueOf } from "../../../formats/elements.ts";
import { PythonRandom } from "./python_random.ts";

/** Data about the languages. */
export interface LanguageModel {
  /** Language codes such as `en` and `zh-cn`. */
  languages: readonly string[];
  /** Index of each n-gram. */
  grams: ReadonlyMap<string, number>;
  /** By n-gram, and one more: where its languages start in `holders` and `shares`. */
  starts: Int32Array;
  /** Indices of the languages that have an n-gram, rising. */
  holders: Uint8Array;
  /** Its share of their n-grams of that length. */
  shares: Float64Array;
  /** Representative of each grouped kanji. */
  kanji: ReadonlyMap<string, string>;
  /** A Vietnamese letter with a combining mark, and the composed letter. */
  vietnamese: ReadonlyMap<string, string>;
  /** Latin-1 characters that count as space. */
  latin1Spaces: string;
}

const URL_LIKE = /https?:\/\/[-_.?&~;+=/#0-9A-Za-z]{1,2076}/g;
const MAIL_LIKE = /[-_.0-9A-Za-z]{1,64}@[-_0-9A-Za-z]{1,255}[-_.0-9A-Za-z]{1,255}/g;
const MAX_CHARACTERS = 10_000;
const TRIALS = 7;
const MAX_DRAWS = 1000;
const CERTAIN = 0.99999;
const LEAST = 0.1;
const BASE = 10_000;

/**
 * The most probable language.
 *
 * @returns A code of `model.languages`, `unknown` when none has a probability above 0.1, undefined when the text has
 * no feature at all, as numbers and emoji.
 */
export function detectLanguage(text: string, model: LanguageModel): string | undefined {
  const features = featuresOf(clean(text, model), model);
  if (features.length === 0) return undefined;
  const total = new Float64Array(model.languages.length);
  const random = new PythonRandom(0);
  for (let trial = 0; trial < TRIALS; trial++) {
    const probabilities = runTrial(features, total.length, random, model);
    for (let i = 0; i < total.length; i++) total[i]! += probabilities[i]! / TRIALS;
  }
  const best = total.indexOf(Math.max(...total));
  return total[best]! > LEAST ? model.languages[best]! : "unknown";
}

function runTrial(
  features: readonly number[],
  n: number,
  random: PythonRandom,
  { starts, holders, shares }: LanguageModel,
): Float64Array {
  const probabilities = new Float64Array(n).fill(1 / n);
  const smoothing = (0.5 + random.gauss() * 0.05) / BASE;
  for (let draw = 0;; draw++) {
    const feature = features[random.below(features.length)]!;
    let known = i32(starts, feature);
    const end = i32(starts, feature + 1);
    for (let i = 0; i < n; i++) {
      probabilities[i]! *= known < end && holders[known] === i ? smoothing + f64(shares, known++) : smoothing;
    }
    if (draw % 5 === 0 && (normalize(probabilities) > CERTAIN || draw >= MAX_DRAWS)) return probabilities;
  }
}

/** Scales to sum 1; returns the largest. */
function normalize(probabilities: Float64Array): number {
  const sum = probabilities.reduce((a, b) => a + b, 0);
  let largest = 0;
  for (let i = 0; i < probabilities.length; i++) {
    probabilities[i]! /= sum;
    largest = Math.max(largest, probabilities[i]!);
  }
  return largest;
}

/** Without addresses and repeated spaces; without Latin letters where they are few. */
function clean(text: string, model: LanguageModel): string[] {
  const plain = text.replace(URL_LIKE, " ").replace(MAIL_LIKE, " ")
    .replace(/[\p{L}][\u0300\u0301\u0303\u0309\u0323]/gu, (pair) => model.vietnamese.get(pair) ?? pair);
  const characters: string[] = [];
  let [read, previous, latin, others] = [0, "", 0, 0];
  for (const character of plain) {
    if (read++ === MAX_CHARACTERS) break;
    if (character !== " " || previous !== " ") characters.push(character);
    previous = character;
  }
  for (const character of characters) {
    if (isLatin(character)) latin++;
    else if (character >= "\u0300" && !(character >= "\u1e00" && character <= "\u1eff")) others++;
  }
  return latin * 2 < others ? characters.filter((character) => !isLatin(character)) : characters;
}

/** The range that langdetect takes for Latin: it holds the signs between Z and a too. */
function isLatin(character: string): boolean {
  return character >= "A" && character <= "z";
}

function featuresOf(characters: readonly string[], model: LanguageModel): number[] {
  const features: number[] = [];
  let gram: string[] = [" "];
  let capitals = false; // two capitals in a row: the word is passed over
  for (const raw of characters) {
    const character = normalizeCharacter(raw, model);
    const last = gram.at(-1)!;
    if (last === " ") {
      gram = [" "];
      capitals = false;
    }
    if (last !== " " || character !== " ") {
      if (last !== " " && gram.length >= 3) gram.shift();
      gram.push(character);
      capitals = isCapital(character) && (isCapital(last) || capitals);
    }
    if (capitals) continue;
    for (let n = 1; n <= gram.length; n++) {
      const feature = gram.slice(-n).join("");
      const index = feature === " " ? undefined : model.grams.get(feature);
      if (index !== undefined) features.push(index);
    }
  }
  return features;
}

function isCapital(character: string): boolean {
  return /^\p{Uppercase}/u.test(character);
}

function normalizeCharacter(character: string, model: LanguageModel): string {
  const code = character.codePointAt(0)!;
  const within = (from: number, to: number) => code >= from && code <= to;
  if (code <= 0x7f) return /[A-Za-z]/.test(character) ? character : " ";
  if (within(0x80, 0xff)) return model.latin1Spaces.includes(character) ? " " : character;
  if (character === "\u0219") return "\u015f"; // Romanian s and t with comma below: with cedilla
  if (character === "\u021b") return "\u0163";
  if (within(0x2000, 0x206f)) return " ";
  if (character === "\u06cc") return "\u064a"; // Farsi yeh: Arabic yeh
  if (within(0x1ea0, 0x1eff)) return "\u1ec3";
  if (within(0x3040, 0x309f)) return "\u3042";
  if (within(0x30a0, 0x30ff)) return "\u30a2";
  if (within(0x3100, 0x312f) || within(0x31a0, 0x31bf)) return "\u3105";
  if (within(0x4e00, 0x9fff)) return model.kanji.get(character) ?? character;
  return within(0xac00, 0xd7af) ? "\uac00" : character;
}

/** One language of the data file. */
interface Profile {
  name: string;
  /** Number of 1-, 2- and 3-grams. */
  n_words: number[];
  freq: Record<string, number>;
}

/** Reads the model from `{profiles, messages}`: langdetect's profiles and its properties by name. */
export function readLanguageModel(json: string): LanguageModel {
  const { profiles, messages } = JSON.parse(json) as {
    profiles: Profile[];
    messages: Record<string, string>;
  };
  const grams = new Map<string, number>();
  const counts: number[] = [];
  for (const { freq, n_words } of profiles) {
    for (const gram of Object.keys(freq)) {
      let index = grams.get(gram);
      if (index === undefined) grams.set(gram, index = counts.push(0) - 1);
      if (n_words[gram.length - 1] !== undefined) counts[index]!++;
    }
  }
  const starts = new Int32Array(counts.length + 1);
  for (const [i, count] of counts.entries()) starts[i + 1] = i32(starts, i) + count;
  const filled = starts.slice();
  const holders = new Uint8Array(i32(starts, counts.length)), shares = new Float64Array(holders.length);
  for (const [language, { freq, n_words }] of profiles.entries()) {
    for (const [gram, count] of Object.entries(freq)) {
      const total = n_words[gram.length - 1];
      if (total === undefined) continue;
      const place = filled[valueOf(grams, gram)]!++;
      holders[place] = language;
      shares[place] = count / total;
    }
  }
  const kanji = new Map<string, string>();
  for (const [key, group] of Object.entries(messages)) {
    if (key.startsWith("NGram.KANJI_")) {
      for (const character of group) kanji.set(character, group.charAt(0));
    }
  }
  const vietnamese = new Map<string, string>();
  const letters = [...messages["TO_NORMALIZE_VI_CHARS"]!];
  for (const mark of messages["DMARK_CLASS"]!) {
    const composed = [...messages[`NORMALIZED_VI_CHARS_0${mark.codePointAt(0)!.toString(16)}`]!];
    letters.forEach((letter, i) => vietnamese.set(letter + mark, composed[i] ?? letter));
  }
  return {
    languages: profiles.map((profile) => profile.name),
    grams,
    starts,
    holders,
    shares,
    kanji,
    vietnamese,
    latin1Spaces: messages["NGram.LATIN1_EXCLUDE"]!,
  };
}
