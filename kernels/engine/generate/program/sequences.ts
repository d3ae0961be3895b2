/**
 * Sequences in the slots of a memory: who runs, whose prompt is kept for those that begin alike, and what a new one takes over.
 * @module
 */
import { item } from "../../../../formats/elements.ts";
import type { SlotMemory } from "./cache.ts";

/** Prompt tokens of a run. */
export const PROGRAM_CHUNK = 128;

/** A prefix is taken over in multiples of so many tokens. */
const SHARED = 32;

/** Sequences that have ended and whose prompts are kept, at most. */
export const KEPT_PROMPTS = 1;

/** A sequence in a slot. */
export interface SlotSequence {
  /** Tokens of the prompt that went through in chunks: what another one may take over. */
  prompt: number[];
  /** Null: the model alone. */
  adapter: string | null;
  /** Tokens in the cache. */
  length: number;
}

/** Sequences by their slots. */
export class SlotSequences {
  /** Running ones first, then those that are kept, the oldest first. */
  #all: SlotSequence[] = [];
  #running = 0;

  constructor(readonly memory: SlotMemory) {}

  /** Number of running ones, which have the first slots. */
  get running(): number {
    return this.#running;
  }

  /** Tokens in the cache, of all slots. */
  get lengths(): number[] {
    return this.#all.map(({ length }) => length);
  }

  /** Sequences of `count` slots. */
  range(slot: number, count: number): SlotSequence[] {
    return this.#all.slice(slot, slot + count);
  }

  /** The sequence of a slot. @throws {RangeError} If there is none */
  at(slot: number): SlotSequence {
    return item(this.#all, slot);
  }

  /**
   * Makes a sequence behind the running ones, with the longest beginning that another one has; {@linkcode SlotSequences.admit} lets it run.
   * @param mayShare True if anything is taken over
   * @returns Number of tokens that were taken over
   */
  place(prompt: readonly number[], adapter: string | null, mayShare: boolean): number {
    const place = this.#running;
    let best = -1, shared = 0;
    this.#all.forEach((sequence, i) => {
      const length = mayShare && sequence.adapter === adapter ? sharedLength(sequence.prompt, prompt) : 0;
      if (length > shared) [best, shared] = [i, length];
    });
    if (best >= place) {
      this.#swap(place, best);
    } else {
      // A new slot while few prompts are kept, else that of the one that was kept first.
      if (this.#all.length - place < KEPT_PROMPTS) {
        this.#all.push({ prompt: [], adapter, length: 0 });
      }
      this.#swap(place, this.#all.length - 1);
      if (shared) this.memory.copy(best, place, shared);
    }
    this.#all[place] = { prompt: prompt.slice(0, shared), adapter, length: shared };
    return shared;
  }

  /** Counts the sequence behind the running ones among them. */
  admit(): void {
    this.#running++;
  }

  /** Keeps these running slots, in that order. Prompts of the others stay for those that begin alike, as long as there is room. */
  keep(slots: readonly number[]): void {
    for (const [i, sequence] of this.#all.slice(0, this.#running).entries()) {
      if (!slots.includes(i)) sequence.length = sequence.prompt.length;
    }
    // Slots come in order, so a slot is never wanted behind where it stands.
    slots.forEach((slot, place) => this.#swap(place, slot));
    const ended = this.#all.splice(slots.length, this.#running - slots.length);
    const places = ended.map((_, i) => slots.length + i);
    this.#running = slots.length;
    // They stand in front of those that were kept earlier; a slot's place can't change without moving its rows.
    this.#all.splice(places[0] ?? 0, 0, ...ended);
    this.#all.length = Math.min(this.#all.length, this.#running + KEPT_PROMPTS);
  }

  /** Forgets what was computed with an adapter that no answer uses any more. */
  forget(adapter: string): void {
    for (const sequence of this.#all.slice(0, this.#running)) {
      // Its answer is given; what it holds must not be taken over as the model's own.
      if (sequence.adapter === adapter) [sequence.adapter, sequence.prompt] = [null, []];
    }
    this.#all = this.#all.filter((s, i) => i < this.#running || s.adapter !== adapter);
  }

  /** Exchanges two sequences with their rows. */
  #swap(a: number, b: number): void {
    if (a === b) return;
    const first = item(this.#all, a), second = item(this.#all, b);
    this.memory.swap(a, first.length, b, second.length);
    [this.#all[a], this.#all[b]] = [second, first];
  }
}

/**
 * Tokens that can be taken over: whole parts of {@linkcode SHARED}, and never all but one of a prompt's last chunk, since a run of
 * one row rounds otherwise than one of several.
 */
function sharedLength(known: readonly number[], prompt: readonly number[]): number {
  const limit = Math.min(known.length, prompt.length - 1);
  let same = 0;
  while (same < limit && known[same] === prompt[same]) same++;
  const chunks = Math.floor(same / PROGRAM_CHUNK) * PROGRAM_CHUNK;
  const parts = Math.floor(Math.min(same, prompt.length - 2) / SHARED) * SHARED;
  return Math.max(chunks, parts, 0);
}
