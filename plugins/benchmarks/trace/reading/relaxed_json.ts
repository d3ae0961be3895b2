/**
 * Reads the JSON that judges write: strings in Python's or typographic quotes, quotes in them that nobody escaped, line breaks
 * in them, commas too many or too few, bare words for values. Keys that repeat are kept, in their order. Linear in the text.
 * @module
 */

/** A value; scalars are text. */
export type Relaxed =
  | { kind: "text"; text: string; quoted: boolean }
  | { kind: "list"; items: Relaxed[] }
  | { kind: "map"; pairs: [key: string, value: Relaxed][] };

/** A value that was read from the middle of a text. */
export interface RelaxedJson {
  /** Text, list or map, as far as it goes. */
  value: Relaxed;
  /** Where the text behind it begins. */
  end: number;
  /** True if the text ends within it. */
  open: boolean;
}

const QUOTES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["'", "'"],
  ["“", '”“"'],
  ["”", '”“"'],
  ["‘", "’‘'"],
  ["’", "’‘'"],
  ["「", "」"],
  ["`", "`"],
]);
const DEEPEST = 16;

/**
 * Reads the list or map that begins at `from`.
 * @returns undefined when it is neither, or not even nearly JSON.
 */
export function readRelaxedJson(text: string, from: number): RelaxedJson | undefined {
  const reader = new Reader(text, from);
  try {
    const value = reader.container(0);
    return { value, end: reader.place, open: reader.open };
  } catch (error) {
    if (error === NOT_JSON) return undefined;
    throw error;
  }
}

const NOT_JSON = new SyntaxError("not even nearly JSON");

class Reader {
  /** True if the text has ended too early. */
  open = false;

  constructor(readonly text: string, public place: number) {}

  container(depth: number): Relaxed {
    const opening = this.text[this.place];
    if ((opening !== "[" && opening !== "{") || depth > DEEPEST) throw NOT_JSON;
    this.place++;
    return opening === "[" ? this.#list(depth, "]", "}") : this.#map(depth);
  }

  #list(depth: number, bracket: string, other: string): Relaxed {
    const items: Relaxed[] = [];
    for (;;) {
      if (this.#closes(bracket, other)) return { kind: "list", items };
      items.push(this.#value(depth, `,${bracket}\n`));
    }
  }

  #map(depth: number): Relaxed {
    const pairs: [string, Relaxed][] = [];
    for (;;) {
      if (this.#closes("}", "]")) return { kind: "map", pairs };
      const key = QUOTES.has(this.#next()) ? this.#string(":") : this.#bare(":,}\n");
      this.#blank(" \n");
      if (this.#ended()) return { kind: "map", pairs };
      if (this.#next() !== ":") throw NOT_JSON;
      this.place++;
      this.#blank(" \n");
      if (this.#ended()) return { kind: "map", pairs };
      pairs.push([key, this.#value(depth, ',}]\n"“')]);
    }
  }

  /** True if the container ends here: at its bracket, at the text's end, or before what belongs to neither. */
  #closes(bracket: string, other: string): boolean {
    do this.#blank(" \n,;"); while (this.#comment());
    if (this.#ended()) return true;
    const next = this.#next();
    if (next === bracket) {
      this.place++;
      return true;
    }
    // a bracket that was forgotten
    return next === other || /^[#*]|^\n?(?:constraints?\b|overall|explanation|fine[\s-]grained|```)/i.test(
      this.text.slice(this.place, this.place + 16),
    );
  }

  #value(depth: number, ends: string): Relaxed {
    const next = this.#next();
    if (next === "[" || next === "{") return this.container(depth + 1);
    if (next === "(" && depth < DEEPEST && /^\( ?["'“‘]/.test(this.text.slice(this.place, this.place + 3))) {
      this.place++; // Python's ("a text", 10)
      return this.#list(depth + 1, ")", "]");
    }
    if (QUOTES.has(next)) return { kind: "text", text: this.#string(",}])"), quoted: true };
    const text = this.#bare(ends).trim();
    if (text === "") throw NOT_JSON;
    return { kind: "text", text, quoted: false };
  }

  /** Up to a quote that something follows which can follow a string. */
  #string(follows: string): string {
    const closing = QUOTES.get(this.#next()) ?? "";
    const start = ++this.place;
    for (; this.place < this.text.length; this.place++) {
      const char = this.text.charAt(this.place);
      if (char === "\\") this.place++;
      else if (closing.includes(char) && this.#canFollow(follows)) {
        return this.text.slice(start, this.place++);
      }
    }
    this.open = true;
    return this.text.slice(start);
  }

  #canFollow(follows: string): boolean {
    const next = this.text.charAt(this.place + 1).trim() || this.text.charAt(this.place + 2);
    return next === "" || follows.includes(next) || (this.text[this.place + 1] === "\n" && follows !== ":");
  }

  #bare(ends: string): string {
    const start = this.place;
    while (this.place < this.text.length && !ends.includes(this.text.charAt(this.place))) this.place++;
    if (this.place === this.text.length) this.open = true;
    return this.text.slice(start, this.place);
  }

  #next(): string {
    return this.text.charAt(this.place);
  }

  /** Goes past a comment; `#` begins one behind something else in its line, else it is a heading's. */
  #comment(): boolean {
    const is = (sign: string) => this.text.startsWith(sign, this.place);
    const begun = this.text.slice(Math.max(0, this.place - 2), this.place);
    const close = is("/*") ? "*/" : is("//") || (is("#") && !/^$|\n ?$/.test(begun)) ? "\n" : undefined;
    if (close === undefined) return false;
    const end = this.text.indexOf(close, this.place + 2);
    this.place = end < 0 ? this.text.length : end + close.length;
    return true;
  }

  #ended(): boolean {
    if (this.place < this.text.length) return false;
    this.open = true;
    return true;
  }

  #blank(set: string): void {
    while (this.place < this.text.length && set.includes(this.text.charAt(this.place))) this.place++;
  }
}
