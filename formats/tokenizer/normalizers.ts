/**
 * Normalizers of tokenizer.json: what happens to a text before it is split.
 * @module
 */
import { escapePattern, toRegExp } from "./patterns.ts";
import { type Component, isObject, unsupported } from "./tokenizer_json.ts";

const KNOWN = [
  "Sequence",
  "NFC",
  "NFD",
  "NFKC",
  "NFKD",
  "Lowercase",
  "Prepend",
  "Replace",
  "Strip",
  "StripAccents",
] as const;

/**
 * The function of a normalizer; null leaves a text as it is.
 * @throws {RangeError} If its type isn't supported.
 */
export function normalizer(part: Component | null): ((text: string) => string) | null {
  if (part === null) return null;
  switch (part.type) {
    case "Sequence": {
      const steps = (part.normalizers as Component[]).map(normalizer).filter((step) => step !== null);
      return (text) => steps.reduce((value, step) => step(value), text);
    }
    case "NFC":
      // below U+0300 nothing composes
      return (text) => /[\u0300-\uffff]/.test(text) ? text.normalize("NFC") : text;
    case "NFD":
    case "NFKC":
    case "NFKD": {
      const form = part.type;
      return (text) => text.normalize(form);
    }
    case "Lowercase":
      // each character alone: Σ has no other form at a word's end
      return (text) => text.replace(/[^]/gu, (character) => character.toLowerCase());
    case "StripAccents":
      return (text) => text.replace(/\p{M}/gu, "");
    case "Prepend": {
      const front = String(part.prepend);
      return (text) => text === "" ? "" : front + text;
    }
    case "Replace": {
      const pattern = replacePattern(part);
      const content = String(part.content);
      return (text) => text.replace(pattern, () => content);
    }
    case "Strip": {
      const left = part.strip_left === true, right = part.strip_right === true;
      return (text) => {
        const front = left ? text.replace(/^\p{White_Space}+/u, "") : text;
        return right ? front.replace(/\p{White_Space}+$/u, "") : front;
      };
    }
  }
  throw unsupported("normalizer", part.type, KNOWN);
}

/**
 * The pattern of a `Replace` part, normalizer or decoder.
 * @throws {RangeError} If it is neither a text nor a regular expression
 */
export function replacePattern(part: Component): RegExp {
  const pattern = part.pattern;
  if (isObject(pattern)) {
    if (typeof pattern.String === "string") return new RegExp(escapePattern(pattern.String), "gu");
    if (typeof pattern.Regex === "string") return toRegExp(pattern.Regex, "g");
  }
  throw unsupported("Replace pattern", pattern, ["String", "Regex"]);
}
