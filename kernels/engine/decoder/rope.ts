/**
 * Tables of rotary angles, computed in float64: position · frequency loses digits in float32.
 * @module
 */

import type { DecoderConfig } from "./decoder_config.ts";

/** Cosines and sines of a model's angles, grown as positions come. */
export class RotaryTable {
  readonly #frequencies: Float64Array;
  readonly #length: number;
  #cos = new Float32Array(0);
  #sin = new Float32Array(0);

  /**
   * @param rotation Of the model
   * @param length Of each cosine and sine's pair, beside the model's own factor: what is turned becomes so many times as long.
   */
  constructor(
    rotation: Pick<DecoderConfig, "inverseFrequencies" | "attentionFactor">,
    length = 1,
  ) {
    this.#frequencies = rotation.inverseFrequencies;
    this.#length = length * (rotation.attentionFactor ?? 1);
  }

  /** `cos` and `sin` `[T, head / 2]` of positions `[T]`. */
  rows(positions: Int32Array): { cos: Float32Array<ArrayBuffer>; sin: Float32Array<ArrayBuffer> } {
    const half = this.#frequencies.length;
    this.#grow(positions.reduce((a, b) => Math.max(a, b), 0) + 1);
    const cos = new Float32Array(positions.length * half), sin = new Float32Array(positions.length * half);
    positions.forEach((p, row) => {
      cos.set(this.#cos.subarray(p * half, (p + 1) * half), row * half);
      sin.set(this.#sin.subarray(p * half, (p + 1) * half), row * half);
    });
    return { cos, sin };
  }

  #grow(count: number): void {
    const half = this.#frequencies.length, known = this.#cos.length / half;
    if (count <= known) return;
    const size = Math.max(count, 2 * known);
    const cos = new Float32Array(size * half), sin = new Float32Array(size * half);
    cos.set(this.#cos);
    sin.set(this.#sin);
    for (let p = known; p < size; p++) {
      cos.set(this.#frequencies.map((frequency) => this.#length * Math.cos(p * frequency)), p * half);
      sin.set(this.#frequencies.map((frequency) => this.#length * Math.sin(p * frequency)), p * half);
    }
    this.#cos = cos;
    this.#sin = sin;
  }
}
