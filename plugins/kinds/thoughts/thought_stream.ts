/**
 * Thoughts and answers taken apart while the text still comes.
 * @module
 */
import type { ThoughtTags } from "../endpoint.ts";
import { areWords, THOUGHT_TAGS } from "./thoughts.ts";

/** Parts of a text that became certain. */
export interface ThoughtPiece {
  /** More of what was thought. */
  thought: string;
  /** More of the answer. */
  answer: string;
}

/**
 * Reads a text piece by piece as `separateThought` reads a whole one: pairs of tags at its start are thoughts, what follows is the
 * answer. What a stream can't know isn't looked for: a closing tag alone makes no thought of what was handed out before it, a
 * pair of tags further down stays text, and pairs that are words count only as a whole text shows them.
 */
export class ThoughtStream {
  #mode: "start" | "thought" | "answer" = "start";
  #held = "";
  #close = "";
  #thoughts = 0;
  /** True if the current thought has begun with something other than white space. */
  #begun = false;

  /** Pairs that are looked for. */
  readonly tags: readonly ThoughtTags[];

  /** @param tags Pairs, none of them empty; none: all is answer */
  constructor(tags: readonly ThoughtTags[] = THOUGHT_TAGS) {
    this.tags = tags.filter((pair) => !areWords(pair));
  }

  /** Adds text; gives what is certain. */
  push(text: string): ThoughtPiece {
    this.#held += text;
    const piece = { thought: "", answer: "" };
    while (this.#advance(piece)) { /* each turn passes a tag */ }
    return piece;
  }

  /** No more text: gives the rest. */
  end(): ThoughtPiece {
    const rest = this.#held;
    this.#held = "";
    if (this.#mode === "thought") return { thought: this.#joined(rest.trimEnd()), answer: "" };
    return { thought: "", answer: this.#thoughts > 0 && this.#mode === "start" ? rest.trimStart() : rest };
  }

  /** True if there may be more to do. */
  #advance(piece: ThoughtPiece): boolean {
    if (this.#mode === "answer") {
      piece.answer += this.#held;
      this.#held = "";
      return false;
    }
    return this.#mode === "start" ? this.#start() : this.#think(piece);
  }

  #start(): boolean {
    const lead = this.#held.trimStart(), low = lead.toLowerCase();
    for (const [open, close] of this.tags) {
      if (!low.startsWith(open.toLowerCase())) continue;
      [this.#mode, this.#close, this.#held, this.#begun] = ["thought", close, lead.slice(open.length), false];
      this.#thoughts++;
      return true;
    }
    if (this.tags.some(([open]) => open.toLowerCase().startsWith(low))) return false;
    this.#mode = "answer";
    if (this.#thoughts > 0) this.#held = lead;
    return true;
  }

  #think(piece: ThoughtPiece): boolean {
    const end = this.#held.toLowerCase().indexOf(this.#close.toLowerCase());
    if (end >= 0) {
      piece.thought += this.#joined(this.#held.slice(0, end).trimEnd());
      this.#held = this.#held.slice(end + this.#close.length);
      this.#mode = "start";
      return true;
    }
    const certain = this.#held.slice(0, this.#held.length - partial(this.#held, this.#close)).trimEnd();
    piece.thought += this.#joined(certain);
    this.#held = this.#held.slice(certain.length);
    return false;
  }

  /** A part of a thought as it is handed out: no white space in front of it, an empty line between two thoughts. */
  #joined(text: string): string {
    const shown = this.#begun ? text : text.trimStart();
    if (shown === "") return "";
    const between = !this.#begun && this.#given ? "\n\n" : "";
    this.#begun = this.#given = true;
    return between + shown;
  }

  #given = false;
}

/** Characters at the end of a text that may be the beginning of a tag; capitals don't matter. */
export function partial(text: string, tag: string): number {
  const low = text.slice(-tag.length + 1).toLowerCase(), sought = tag.toLowerCase();
  for (let n = Math.min(low.length, tag.length - 1); n > 0; n--) {
    if (sought.startsWith(low.slice(-n))) return n;
  }
  return 0;
}
