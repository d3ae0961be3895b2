/**
 * Forward passes as an engine is asked for them.
 * @module
 */
import type { Pack } from "./packs/pack.ts";

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
}

/** A forward pass among others. */
export interface ForwardPass extends ForwardOptions {
  pack: Pack;
}
