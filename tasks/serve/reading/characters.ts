/**
 * JSON read character by character, by functions that wait for the next one wherever the text ends.
 * @module
 */

/** A function that reads: each `yield` gives it the next character. */
export type Reading<T> = Generator<undefined, T, string>;

/** Strings and brackets of a JSON text as far as it came. */
export class JsonScan {
  /** Brackets that are open. */
  depth = 0;
  /** True inside of a string. */
  inString = false;
  /** True inside of a string that no JSON has, as a line ended in it. */
  isBroken = false;
  #escaped = false;

  /** Takes the next character. */
  read(character: string): void {
    if (!this.inString) {
      if (character === '"') this.inString = true;
      if (character === "{" || character === "[") this.depth++;
      if (character === "}" || character === "]") this.depth--;
      return;
    }
    if (this.#escaped) this.#escaped = false;
    else if (character === "\\") this.#escaped = true;
    else if (character === '"') this.inString = this.isBroken = false;
    else if (character < " ") this.isBroken = true;
  }
}

/** The first character that is no white space. @param first Read already; "": none was */
export function* behindBlanks(first: string = ""): Reading<string> {
  let character = first === "" ? yield : first;
  while (/\s/.test(character)) character = yield;
  return character;
}

/** The rest of a string whose quotation mark came, with both marks; null: it is none of JSON's. */
export function* stringLiteral(): Reading<string | null> {
  for (let literal = '"';;) {
    const character = yield;
    if (character < " ") return null;
    literal += character;
    if (character === '"') return literal;
    if (character === "\\") literal += yield;
  }
}

/** A member's value: its text, and the character behind it, a comma or the object's end where it is JSON. */
export function* memberValue(first: string): Reading<{ text: string; next: string }> {
  const scan = new JsonScan();
  let text = "";
  for (let character = first;; character = yield) {
    const isOutside = !scan.inString && scan.depth === 0;
    if (isOutside && /[,}\]]/.test(character) || !scan.inString && !/[\w\s.,:+\-[\]{}"]/.test(character)) {
      return { text: text.trim(), next: character };
    }
    scan.read(character);
    text += character;
  }
}
