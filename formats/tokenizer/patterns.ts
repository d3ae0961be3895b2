/**
 * Regular expressions of tokenizer.json (Oniguruma) as JavaScript ones.
 * @module
 */
import { item } from "../elements.ts";
import { shortened, shown } from "../message.ts";
import { withoutPossessive } from "./possessive.ts";

/** GPT-2's splitter, also that of `ByteLevel` with `use_regex`. */
export const GPT2_PATTERN =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** Llama 3's splitter. */
export const LLAMA3_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** Qwen 2's splitter. */
export const QWEN2_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** Mistral Nemo's splitter. */
export const TEKKEN_PATTERN =
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** Phi-4-mini's splitter, that of OpenAI's o200k_base. */
export const O200K_PATTERN =
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** `\w` of Oniguruma, inside of a class; outside digits raised or in fractions belong to it, those below U+0100 alone. */
const ONIGURUMA_CLASS = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}", ONIGURUMA_WORD = `${ONIGURUMA_CLASS}²³¹¼½¾`;

/** `\w` of Rust's regex crate, inside of a class. */
export const RUST_WORD = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}";

/**
 * Without a character: what Oniguruma asks of the place. Lines end at U+000A alone; behind the last one of a text none begins. There is no `$`, before
 * which V8 passes over characters beyond U+FFFF: `/[\p{L}]$/u.test("𐐀")` is false.
 */
const PLACES: Readonly<Record<string, string>> = {
  "^": "(?:(?<![^])|(?<=\\n)(?=[^]))",
  "$": "(?![^\\n])",
  "\\A": "(?<![^])",
  "\\z": "(?![^])",
  "\\Z": "(?=\\n?(?![^]))",
  "\\b":
    `(?:(?<=[${ONIGURUMA_WORD}])(?![${ONIGURUMA_WORD}])|(?<![${ONIGURUMA_WORD}])(?=[${ONIGURUMA_WORD}]))`,
  "\\B":
    `(?:(?<=[${ONIGURUMA_WORD}])(?=[${ONIGURUMA_WORD}])|(?<![${ONIGURUMA_WORD}])(?![${ONIGURUMA_WORD}]))`,
};

/** Escapes that aren't JavaScript's, outside of a class and inside (null: a class can't hold it). */
const ESCAPES: Readonly<Record<string, readonly [outside: string, inside: string | null]>> = {
  s: ["\\p{White_Space}", "\\p{White_Space}"],
  S: ["\\P{White_Space}", "\\P{White_Space}"],
  d: ["\\p{Nd}", "\\p{Nd}"],
  D: ["\\P{Nd}", "\\P{Nd}"],
  w: [`[${ONIGURUMA_WORD}]`, ONIGURUMA_CLASS],
  W: [`[^${ONIGURUMA_WORD}]`, null],
  h: ["[0-9a-fA-F]", "0-9a-fA-F"],
  H: ["[^0-9a-fA-F]", null],
  R: ["(?:\\r\\n|[\\n\\v\\f\\r\\x85\\u2028\\u2029])", null],
  N: ["[^\\n]", null],
  O: ["[^]", null],
  a: ["\\x07", "\\x07"],
  e: ["\\x1b", "\\x1b"],
};

/**
 * A JavaScript regular expression (flag `u` and `flags`) for an Oniguruma pattern. What means something else there is replaced: classes
 * (`\s` is White_Space, without U+FEFF, but with U+0085; `\d` any decimal digit; `\w` any letter, mark, decimal number or connector), `.`
 * (all but U+000A), and the bounds of lines, texts and words.
 * @throws {SyntaxError} If the pattern uses what JavaScript doesn't have, or means otherwise.
 */
export function toRegExp(pattern: string, flags: string): RegExp {
  try {
    return new RegExp(translated(withoutPossessive(pattern)), `u${flags}`);
  } catch (error) {
    throw new SyntaxError(
      `Cannot use the tokenizer's pattern ${shown(pattern)}: ${shortened((error as Error).message)}`,
    );
  }
}

function translated(pattern: string): string {
  let out = "", inClass = 0;
  for (let i = 0; i < pattern.length; i++) {
    const c = item(pattern, i), rest = pattern.slice(i);
    if (c === "\\" && i + 1 < pattern.length) {
      const [property] = /^\\[pP]\{[^}]*\}/.exec(rest) ?? [];
      out += property === undefined ? escape(item(pattern, i + 1), inClass > 0) : propertyClass(property);
      i += property === undefined ? 1 : property.length - 1;
    } else if (inClass > 0) {
      // Oniguruma nests classes and intersects them, which needs flag v; no tokenizer seen so far does
      if (rest.startsWith("&&")) throw new SyntaxError("classes that are intersected (&&) aren't supported");
      inClass += c === "[" ? 1 : c === "]" ? -1 : 0;
      out += c;
    } else if (c === "[") {
      if (/^\[\^?\]/.test(rest)) throw new SyntaxError("a class that begins with ] isn't supported");
      inClass++;
      out += c;
    } else if (c === "(" && /^\(\?(?!-?i:)[a-zA-Z]*-?[a-zA-Z]*[:)]/.test(rest) && !rest.startsWith("(?:")) {
      throw new SyntaxError("options other than (?i:…) aren't supported");
    } else if (/^\{\d+\}\?/.test(rest)) {
      throw new SyntaxError("{n}? isn't supported: programs differ in it");
    } else {
      out += c === "." ? "[^\\n]" : PLACES[c] ?? c;
    }
  }
  return out;
}

function escape(letter: string, inClass: boolean): string {
  const place = inClass ? undefined : PLACES[`\\${letter}`];
  if (place !== undefined) return place;
  const own = ESCAPES[letter]?.[inClass ? 1 : 0];
  if (own === null) throw new SyntaxError(`\\${letter} in a class isn't supported`);
  if (own !== undefined) return own;
  if (/[a-zA-Z]/.test(letter) && !/[pPrntvfbBxuck]/.test(letter)) {
    throw new SyntaxError(`\\${letter} isn't supported`);
  }
  // with flag u only syntax characters and letters with a meaning may be escaped
  return /[\^$\\.*+?()[\]{}|/\-a-zA-Z0-9]/.test(letter) && !(letter === "-" && !inClass)
    ? `\\${letter}`
    : letter;
}

/** `\p{^L}` is Oniguruma's other spelling of `\P{L}`, and a script's name needs no `Script=` there. */
function propertyClass(property: string): string {
  const negated = property.startsWith("\\P"), name = property.slice(3, -1);
  const plain = name.startsWith("^") ? name.slice(1) : name;
  const letter = negated === name.startsWith("^") ? "p" : "P";
  const isScript = /^(?:Han|Hiragana|Katakana|Hangul|Latin|Greek|Cyrillic|Arabic|Hebrew|Thai|Devanagari)$/;
  return `\\${letter}{${isScript.test(plain) ? "Script=" : ""}${plain}}`;
}

/** A text as a pattern that matches exactly it. */
export function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
