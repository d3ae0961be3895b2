/**
 * What an engine asks of the head behind its body: numbers of labels, and the way back.
 * @module
 */
import type { Tensor } from "../../backend.ts";
import type { ForwardOptions } from "../forward.ts";
import type { Pack } from "../packs/pack.ts";

/** Labels of a pack, `[L]`: tokens, and places of the rows that they are predicted from. */
export type HeadLabels = Pick<Pack, "labelRows" | "labelIds">;

/** Options of a head's forward pass. */
export type HeadPass = Pick<ForwardOptions, "keep" | "best"> & {
  /** Default true. */
  adapter?: boolean;
  /** Number that decides a mask of dropout; undefined: none. */
  dropoutStep?: number | undefined;
};

/** A head: rows to numbers of labels. */
export interface OutputHead {
  /** Hands the head over; what it gives is called once and waits for a number a label, `[L]`. */
  forward(labels: HeadLabels, x: Tensor, pass: HeadPass): Promise<() => Promise<Float64Array>>;
  /**
   * Gradient of what the forward pass that is kept longest was given; adds to the head's own gradients.
   * @param weights d loss / d number of every label, `[L]`
   */
  backward(weights: Float64Array): Promise<Tensor>;
  /** Drops what forward passes kept. */
  discard(): void;
}
