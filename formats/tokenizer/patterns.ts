/**
 * Regular expressions of tokenizer.json (Oniguruma) as JavaScript ones.
 * @module
 */
import { item } from "../elements.ts";
import { shortened, shown } from "../message.ts";

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

/**
 * A JavaScript regular expression (flag `u` and `flags`) for an Oniguruma pattern. Classes that mean something else
 * there are replaced: `\s` is White_Space (no U+FEFF, but U+0085), `\d` any decimal digit, `\w` any letter, mark, number or connector.
 * @throws {SyntaxError} If the pattern uses what JavaScript doesn't have.
 */
export function toRegExp(pattern: string, flags: string): RegExp {
  let out = "";
  let inClass = 0;
  for (let i = 0; i < pattern.length; i++) {
    const c = item(pattern, i);
    if (c === "\\" && i + 1 < pattern.length) {
      const next = item(pattern, ++i);
      out += escape(next, inClass > 0);
    } else if (c === "[") {
      // Oniguruma nests classes, which needs flag v; no tokenizer seen so far does
      inClass++;
      out += c;
    } else if (c === "]" && inClass > 0) {
      inClass--;
      out += c;
    } else {
      out += c;
    }
  }
  try {
    return new RegExp(out, `u${flags}`);
  } catch (error) {
    throw new SyntaxError(
      `Cannot use the tokenizer's pattern ${shown(pattern)}: ${shortened((error as Error).message)}`,
    );
  }
}

function escape(letter: string, inClass: boolean): string {
  switch (letter) {
    case "s":
      return "\\p{White_Space}";
    case "S":
      return "\\P{White_Space}";
    case "d":
      return "\\p{Nd}";
    case "D":
      return "\\P{Nd}";
    case "w":
      return inClass ? "\\p{L}\\p{M}\\p{N}\\p{Pc}" : "[\\p{L}\\p{M}\\p{N}\\p{Pc}]";
    case "W":
      if (!inClass) return "[^\\p{L}\\p{M}\\p{N}\\p{Pc}]";
      break;
    case "h":
      return inClass ? "0-9a-fA-F" : "[0-9a-fA-F]";
  }
  // with flag u only syntax characters and letters with a meaning may be escaped
  return /[\^$\\.*+?()[\]{}|/\-pPrntvfbBxukcW0-9]/.test(letter) && !(letter === "-" && !inClass)
    ? `\\${letter}`
    : letter;
}

/** A text as a pattern that matches exactly it. */
export function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
