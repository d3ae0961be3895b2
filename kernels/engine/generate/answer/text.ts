/**
 * The text of an answer while its tokens come: whole characters only, and nothing that may turn out to be a stop text.
 * @module
 */
import { item } from "../../../../formats/elements.ts";

/** Decodes ids, special tokens left out. */
export type Decode = (ids: readonly number[]) => string;

/** Tokens of context, at least, that are decoded again with every new one: decoders look at what stands before. */
const CONTEXT = 6;

/** Text of one answer. */
export class TextStream {
  readonly #ids: number[] = [];
  /** Ids from here on are decoded again; those before `#shown` were shown already. */
  #from = 0;
  #shown = 0;
  /**
   * Tokens behind which text was shown, from `#from` on: no character goes on there. With byte fallback a text that begins within one is U+FFFD
   * as far as its bytes go, whole characters as well.
   */
  #bounds: number[] = [];
  #text = "";
  /** Characters that were handed out. */
  #given = 0;
  #stop: string | null = null;
  /** Stop texts are looked for from this character on. */
  #free = 0;

  /**
   * @param stops Texts that end the answer, none of them empty.
   * @param minTokens Stop texts aren't looked for in the text of so many tokens (vLLM: min_tokens).
   */
  constructor(readonly decode: Decode, readonly stops: readonly string[], readonly minTokens = 0) {}

  /** The text so far, without the stop text and what comes behind it. */
  get text(): string {
    return this.#text;
  }

  /** The stop text that was met, or null. */
  get stop(): string | null {
    return this.#stop;
  }

  /** Adds a token; gives the text that is certain now. */
  push(id: number): string {
    if (this.#stop !== null) return "";
    this.#ids.push(id);
    const before = this.decode(this.#ids.slice(this.#from, this.#shown));
    const now = this.decode(this.#ids.slice(this.#from));
    // A character whose bytes aren't all there is decoded as U+FFFD.
    if (now.length <= before.length || now.endsWith("\uFFFD")) return "";
    this.#append(now.slice(before.length));
    this.#shown = this.#ids.length;
    this.#bounds.push(this.#shown);
    const near = this.#bounds.findIndex((bound) => bound > this.#shown - CONTEXT);
    if (near > 0) this.#from = item(this.#bounds.splice(0, near), near - 1);
    return this.#give(this.#stop === null ? this.#held() : 0);
  }

  /** No more tokens: gives the rest, without a character whose last bytes never came (as vLLM). */
  end(): string {
    if (this.#stop === null) {
      const before = this.decode(this.#ids.slice(this.#from, this.#shown));
      const rest = this.decode(this.#ids.slice(this.#from)).slice(before.length);
      this.#append(rest.replace(/\uFFFD+$/, ""));
      this.#shown = this.#ids.length;
    }
    return this.#give(0);
  }

  #append(text: string): void {
    const longest = this.stops.reduce((max, stop) => Math.max(max, stop.length), 0);
    const start = Math.max(this.#free, this.#text.length - longest + 1);
    this.#text += text;
    if (this.#ids.length <= this.minTokens) {
      this.#free = this.#text.length;
      return;
    }
    let first = Infinity;
    for (const stop of this.stops) {
      const found = this.#text.indexOf(stop, start);
      if (found >= 0 && found < first) [first, this.#stop] = [found, stop];
    }
    if (this.#stop !== null) this.#text = this.#text.slice(0, first);
  }

  /** Characters at the end that may be the beginning of a stop text. */
  #held(): number {
    let most = 0;
    for (const stop of this.stops) {
      for (let n = Math.min(stop.length - 1, this.#text.length - this.#free); n > most; n--) {
        if (stop.startsWith(this.#text.slice(-n))) most = n;
      }
    }
    return most;
  }

  #give(held: number): string {
    const end = Math.max(this.#given, this.#text.length - held), text = this.#text.slice(this.#given, end);
    this.#given = end;
    return text;
  }
}
