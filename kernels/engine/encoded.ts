/**
 * Encoded examples: token ids and labels, as a trainer takes them.
 * @module
 */

/** One sequence of an example. */
export interface EncodedSequence {
  /** Name in the loss's `sequences`. */
  name: string;
  /** Token ids, `[T]`; an Int32Array in practice. Read it once into a variable: it may be made on each access. */
  input_ids: ArrayLike<number>;
  /**
   * Same length as `input_ids`, unshifted: −100 where nothing is learnt, else the token id itself. An Int32Array in
   * practice. Read it once into a variable: it may be made on each access.
   */
  labels: ArrayLike<number>;
}

/** One example, all its sequences. */
export interface EncodedExample {
  /** Position in the split, from 0, before shuffling. */
  index: number;
  /** Where the row came from; `row` counts from 0. */
  source: { file: string; row: number };
  /** One a name of the loss's `sequences`. */
  sequences: EncodedSequence[];
  /** `kto` only. */
  desirable?: boolean;
}
