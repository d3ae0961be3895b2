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
  /** `prompt` only: what is asked and what answers are judged by, JSON text of a `BenchmarkItem`. */
  task?: string;
  /** Of an answer that the policy has drawn. */
  drawn?: DrawnAnswer;
}

/** What is known of an answer that was drawn, before the policy is computed. */
export interface DrawnAnswer {
  /** How much better than its group it is, of any sign. */
  advantage: number;
  /** It is left out of the loss: its tokens have no part in sums or counts. */
  masked: boolean;
  /** Log-probabilities of its labelled tokens when it was drawn, `[length]`, in nats; absent: those of the policy that learns from it. */
  old?: Float64Array;
  /** Of its micro-batch: answers, masked ones too, and labelled tokens of the others; both ≥ 0. */
  microBatch: { answers: number; tokens: number };
}
