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
export type HeadPass = Pick<ForwardOptions, "keep" | "best" | "measure"> & {
  /** Default true. */
  adapter?: boolean;
  /** Number that decides a mask of dropout; undefined: none. */
  dropoutStep?: number | undefined;
};

/** Rows behind the last block, `[any, D]` each, that labels name. */
export interface RowsOfLabels {
  /** Of the model; taken over when they are kept, else the caller's. */
  x: Tensor;
  /** Of the reference, for a divergence, else null; taken over. */
  reference: Tensor | null;
}

/** A head: rows to numbers of labels. */
export interface OutputHead {
  /** Hands the head over; what it gives is called once and waits for a number a label, `[L]`, and further rows where they are asked for. */
  forward(labels: HeadLabels, rows: RowsOfLabels, pass: HeadPass): Promise<() => Promise<Float64Array>>;
  /**
   * Gradient of what the forward pass that is kept longest was given; adds to the head's own gradients.
   * @param weights d loss / d number of every label, `[L]`; of a divergence, too, behind them
   */
  backward(weights: Float64Array): Promise<Tensor>;
  /** Drops what forward passes kept. */
  discard(): void;
}
