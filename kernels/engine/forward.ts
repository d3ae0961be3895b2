/**
 * Forward passes as an engine is asked for them.
 * @module
 */
import type { Pack } from "./packs/pack.ts";

/**
 * What a label's whole distribution over the vocabulary says. `top_entropy`: the entropy of its {@linkcode TOP_TOKENS} likeliest tokens;
 * `divergence`: KL(reference ‖ policy), the reference being the model without adapters, or as it was before training. In nats.
 */
export type LabelMeasure = "top_entropy" | "divergence";

/** Tokens of `top_entropy`, as LLaMA-Factory's EAFT takes them. */
export const TOP_TOKENS = 20;

/** The requested forward pass. */
export interface ForwardOptions {
  /** false: adapters off (the reference). */
  adapter: boolean;
  /** Keep what a backward pass needs. */
  keep: boolean;
  /** Number that decides dropout masks and noise on embeddings; undefined: neither (evaluation). */
  dropoutStep?: number;
  /**
   * Behind the log-probabilities `[L]`, 1 for every label that no token of the vocabulary is likelier than, else 0: `[2, L]` in all.
   * Not with `keep`.
   */
  best?: boolean;
  /** One row more `[L]` of what is returned, the last: a measure of every label's distribution. */
  measure?: LabelMeasure;
}

/** A forward pass among others. */
export interface ForwardPass extends ForwardOptions {
  pack: Pack;
}
