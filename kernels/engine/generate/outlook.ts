/**
 * An engine's findings about the token that follows.
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
  /** Tokens of the prompt that were taken over from another sequence; 0 behind a step. */
  readonly shared: number;
}

/** Options for taking up a prompt. */
export interface AddOptions {
  /** Looked at between chunks. */
  signal?: AbortSignal | undefined;
  /** Adapter by name; null: none. */
  adapter?: string | null;
  /** Whether all logits are wanted. Default true. */
  logits?: boolean;
  /** Called between chunks, so that others needn't wait for a long prompt; may step what runs, and nothing else. */
  between?(): Promise<void>;
}
