/**
 * Python's `random.Random`, the part that language identification draws from: the Mersenne Twister seeded by an array, 53-bit
 * uniform numbers, Gaussian numbers in pairs, and choice by rejection.
 * @module
 */
import { MT19937 } from "../../../kernels/random/mt19937.ts";

/** A generator that gives the numbers of `random.seed(n)` for `0 <= n < 2^32`. */
export class PythonRandom {
  readonly #words: MT19937;
  #spare: number | undefined;

  /**
   * Seeds as `random.seed(seed)` does.
   * @param seed An integer, `0 <= seed < 2^32`.
   */
  constructor(seed: number) {
    this.#words = MT19937.ofKey([seed]);
  }

  /** Uniform in [0, 1). */
  random(): number {
    const [a, b] = [this.#words.next() >>> 5, this.#words.next() >>> 6];
    return (a * 67108864 + b) / 9007199254740992;
  }

  /** Normal with mean 0 and standard deviation 1. */
  gauss(): number {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare !== undefined) return spare;
    const angle = this.random() * 2 * Math.PI;
    const radius = Math.sqrt(-2 * Math.log(1 - this.random()));
    this.#spare = Math.sin(angle) * radius;
    return Math.cos(angle) * radius;
  }

  /** Uniform integer in [0, n), `0 < n < 2^32`. */
  below(n: number): number {
    const shift = Math.clz32(n);
    for (;;) {
      const value = this.#words.next() >>> shift;
      if (value < n) return value;
    }
  }
}
