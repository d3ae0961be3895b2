/**
 * Encoded examples in little memory: token ids of all parts in a few large arrays, sequences put together when they are
 * asked for. An IOPO quadruple keeps its two prompts and two answers once, not four sequences with labels.
 * @module
 */
import { item } from "../../../../formats/elements.ts";
import type { EncodedParts } from "./encoding.ts";
import type {
  EncodedExample,
  EncodedSequence,
  SequenceMeasure,
} from "../../../../kernels/engine/packs/encoded.ts";
import { joinParts, type PartKind } from "./parts.ts";

/** Arrays of some examples; can be handed to another thread and written to a file as they are. */
export interface StoredBlock {
  /** Token ids of all parts, one behind the other. */
  ids: Int32Array<ArrayBuffer>;
  /** For each example: its sequences' number of parts, then offset, length and kind of each part. */
  layout: Int32Array<ArrayBuffer>;
  /** Where each example starts in `layout`, `[examples + 1]`. */
  starts: Int32Array<ArrayBuffer>;
}

/** Puts examples into a {@linkcode StoredBlock}. */
export class BlockBuilder {
  #ids = new Int32Array(4096);
  #length = 0;
  readonly #layout: number[] = [];
  readonly #starts: number[] = [0];

  /** Adds an example; parts that are the same array are stored once. */
  add({ sequences }: Pick<EncodedParts, "sequences">): void {
    const offsets = new Map<ArrayLike<number>, number>();
    for (const { parts } of sequences) {
      this.#layout.push(parts.length);
      for (const { ids, kind } of parts) {
        let offset = offsets.get(ids);
        if (offset === undefined) offsets.set(ids, offset = this.#append(ids));
        this.#layout.push(offset, ids.length, kind);
      }
    }
    this.#starts.push(this.#layout.length);
  }

  /** The block so far. */
  build(): StoredBlock {
    return {
      ids: this.#ids.slice(0, this.#length),
      layout: Int32Array.from(this.#layout),
      starts: Int32Array.from(this.#starts),
    };
  }

  #append(ids: ArrayLike<number>): number {
    const offset = this.#length;
    const needed = offset + ids.length;
    if (needed > this.#ids.length) {
      const larger = new Int32Array(Math.max(needed, this.#ids.length * 2));
      larger.set(this.#ids.subarray(0, offset));
      this.#ids = larger;
    }
    this.#ids.set(ids, offset);
    this.#length = needed;
    return offset;
  }
}

/** Where an example lies and what else belongs to it. */
export interface StoredExample {
  /** Where its ids are. */
  block: StoredBlock;
  /** Position in the block. */
  index: number;
  /** Where its record came from. */
  source: { file: string; row: number };
  /** `kto` only. */
  desirable?: boolean;
  /** `prompt` only. */
  task?: string;
}

/** Parts of one example, each a view of the block's ids. */
export function partsOf({ block, index }: StoredExample): { ids: Int32Array; kind: PartKind }[][] {
  const { ids, layout, starts } = block;
  const sequences: { ids: Int32Array; kind: PartKind }[][] = [];
  for (let i = item(starts, index); i < item(starts, index + 1);) {
    const count = item(layout, i++);
    const parts: { ids: Int32Array; kind: PartKind }[] = [];
    for (let p = 0; p < count; p++, i += 3) {
      const offset = item(layout, i);
      parts.push({
        ids: ids.subarray(offset, offset + item(layout, i + 1)),
        kind: layout[i + 2] as PartKind,
      });
    }
    sequences.push(parts);
  }
  return sequences;
}

/**
 * Makes the list that a trainer takes. `sequences` of an example is made when it is read; that of the example read last is
 * kept. Examples may be sent to another thread, which gets plain arrays.
 *
 * @param names Names of the sequences, in the order in which they are stored.
 * @param measure What the loss takes of a sequence
 */
export function toExamples(
  stored: readonly StoredExample[],
  names: readonly string[],
  eosId: number,
  measure: SequenceMeasure = "logp",
): EncodedExample[] {
  const measured = measure === "logp" ? {} : { measure };
  let [last, made] = [-1, [] as EncodedSequence[]];
  return stored.map((entry, index) => ({
    index,
    source: entry.source,
    get sequences() {
      if (last !== index) {
        made = partsOf(entry).map((parts, i) => ({
          name: item(names, i),
          ...joinParts(parts, eosId),
          ...measured,
        }));
        last = index;
      }
      return made;
    },
    ...(entry.desirable !== undefined && { desirable: entry.desirable }),
    ...(entry.task !== undefined && { task: entry.task }),
  }));
}
