/**
 * NEFTune (Jain et al. 2023, arXiv 2310.05914): noise on the embeddings that a training pass looks up, uniform in
 * ±α/√(L·D), L the tokens of the row's sequence and D the hidden size. Like dropout masks it is a function of seed, number
 * and place, so that a resumed run draws the same.
 *
 * A prompt that answers share has one draw for all of them, and the L of the longest.
 * @module
 */
import { i32, item } from "../../../formats/elements.ts";
import type { Backend, Tensor } from "../../backend.ts";
import { fillUniform, stream } from "../../random/counter.ts";
import type { BodySettings, Rows } from "./body.ts";
import type { Pack } from "../packs/pack.ts";

const STREAM = stream("neftune");

/** Tokens of the longest sequence that each row of a pack belongs to, `[T]`. */
export function rowLengths(
  { until, labelRows, ownerStart, owners, sequences }: Pick<
    Pack,
    "until" | "labelRows" | "ownerStart" | "owners" | "sequences"
  >,
): Int32Array<ArrayBuffer> {
  const lengths = new Int32Array(until.length);
  labelRows.forEach((row, l) => {
    for (let o = i32(ownerStart, l); o < i32(ownerStart, l + 1); o++) {
      lengths[row] = Math.max(i32(lengths, row), item(sequences, i32(owners, o)).tokens);
    }
  });
  for (let row = until.length - 1; row >= 0; row--) {
    for (let child = row + 1; child < i32(until, row); child = i32(until, child)) {
      lengths[row] = Math.max(i32(lengths, row), i32(lengths, child));
    }
  }
  return lengths;
}

/**
 * Adds noise to embedded rows `x [T, D]`; those behind the last length get none.
 * @param alpha ≥ 0
 * @param step Number that decides it, as with dropout
 */
export function addNoise(
  x: Float32Array<ArrayBuffer>,
  { lengths, width, alpha, seed, step }: {
    lengths: Int32Array;
    width: number;
    alpha: number;
    seed: number;
    step: number;
  },
): void {
  const noise = new Float32Array(lengths.length * width);
  fillUniform(noise, [-1, 1], { seed, of: STREAM, step });
  lengths.forEach((length, row) => {
    const limit = alpha / Math.sqrt(length * width);
    for (let i = row * width; i < (row + 1) * width; i++) x[i] = item(x, i) + limit * item(noise, i);
  });
}

/** Noise `[T, D]` for a program that adds it; null where a pass gets none. */
export function uploadNoise(
  backend: Backend,
  { config: { hiddenSize }, neftuneAlpha, seed }: BodySettings,
  { tokens, lengths }: Rows,
  step: number | undefined,
): Tensor | null {
  if (!lengths || step === undefined) return null;
  const noise = new Float32Array(tokens.length * hiddenSize);
  addNoise(noise, { lengths, width: hiddenSize, alpha: neftuneAlpha, seed, step });
  return backend.upload(noise, [tokens.length, hiddenSize]);
}
