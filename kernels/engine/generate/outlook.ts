/**
 * An engine's findings about the token that follows, and what it is asked for.
 * @module
 */

/** The model's opinion of the next token of one sequence. Valid until the engine's next run. */
export interface Outlook {
  /** The best tokens, best first and of equal ones the lower id first; all or some of them. */
  readonly ids: readonly number[];
  /** Their logits, in the same order. */
  readonly best: readonly number[];
  /** Of all tokens, `[V]`; null where they weren't asked for. */
  readonly logits: Float32Array | null;
  /** The token that the device chose as it was asked to; −1: there is none, since a logit isn't finite. Absent: none was asked for. */
  readonly chosen?: number;
  /** Tokens of the prompt that were taken over from another sequence; 0 behind a step. */
  readonly shared: number;
}

/** A choice of a token by the device itself. */
export interface TokenPick {
  /** 0: the best; else a draw at this temperature from all tokens. */
  temperature: number;
  /** Where in the sum of probabilities, by id, the draw is, in [0, 1). */
  share: number;
}

/** Options for taking up a prompt. */
export interface AddOptions {
  /** Looked at between chunks. */
  signal?: AbortSignal | undefined;
  /** Adapter by name; null: none. */
  adapter?: string | null;
  /** True if all logits are wanted. Default true. */
  logits?: boolean;
  /** The way to choose the token that follows, of an engine that `picks`; null: by the logits. */
  pick?: TokenPick | null;
  /**
   * Called for each token of the prompt, in order, with the logits `[V]` of what follows it, which are valid until it returns. Nothing is
   * taken over from other sequences then. Absent: nobody asks.
   */
  scored?: ((row: number, logits: Float32Array) => void) | undefined;
  /** Called between chunks, so that others needn't wait for a long prompt; may step what runs, and nothing else. */
  between?(): Promise<void>;
}
