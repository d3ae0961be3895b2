/**
 * Encoded examples: token ids and labels, as a trainer takes them.
 * @module
 */

/** One sequence of an example. */
export interface EncodedSequence {
  /** Name in the loss's `sequences`. */
  name: string;
  /** Token ids, `[T]`; an Int32Array in practice. */
  input_ids: ArrayLike<number>;
  /**
   * Same length as `input_ids`, unshifted: −100 where nothing is learnt, else the token id itself. An Int32Array in
   * practice.
   */
  labels: ArrayLike<number>;
  /** What a loss takes of it; absent: log-probabilities of its labels. */
  measure?: SequenceMeasure;
}

/** What a loss takes of a sequence: log-probabilities of its labels, or the number that a value head gives its last token. */
export type SequenceMeasure = "logp" | "value";

/** One example, all its sequences. */
export interface EncodedExample {
  /** Position in the split, from 0, before shuffling. */
  index: number;
  /** Where the row came from; `row` counts from 0. */
  source: { file: string; row: number };
  /**
   * One for each name of the loss's `sequences`, in its order. Reading costs a copy of the ids at most, since a store puts
   * sequences together when they are read and keeps those of the example read last; what was read stays as it is.
   */
  sequences: EncodedSequence[];
  /** `kto` only. */
  desirable?: boolean;
}
