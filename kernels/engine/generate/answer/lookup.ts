/**
 * Prompt-lookup drafts (Saxena 2023): what followed the last tokens where they stood before is likely to follow again. A draft is
 * only run beside the token that is certain, and kept as far as the model agrees, so it changes the time and not the choice.
 * @module
 */
import { item } from "../../../../formats/elements.ts";

/** Tokens that have to agree, longest first. */
const LENGTHS = [4, 3, 2];

/**
 * Tokens that followed the latest earlier place of the last ones; none: []. A text that goes round in a circle shorter than `most`
 * is taken to go on: the draft repeats itself.
 * @param tokens Prompt and answer.
 * @param most Tokens of a draft, at most.
 */
export function lookUp(tokens: readonly number[], most: number): number[] {
  const end = tokens.length;
  for (const length of LENGTHS) {
    for (let start = end - length - 1; most > 0 && start >= 0; start--) {
      let same = 0;
      while (same < length && tokens[start + same] === tokens[end - length + same]) same++;
      if (same === length) {
        return Array.from(
          { length: most },
          (_, i) => item(tokens, start + length + i % (end - start - length)),
        );
      }
    }
  }
  return [];
}

/** Length of the next draft, from the number of tokens that were right in earlier ones. */
export class DraftLength {
  #length: number;

  /** @param most ≥ 0. */
  constructor(readonly most: number) {
    this.#length = Math.min(3, most);
  }

  /** Tokens of the next draft. */
  get length(): number {
    return this.#length;
  }

  /** @param right Of `drafted` tokens. */
  learn(right: number, drafted: number): void {
    if (drafted === 0) return;
    this.#length = right === drafted
      ? Math.min(this.most, 2 * this.#length + 1)
      : Math.max(1, Math.min(this.most, right + 1));
  }
}
