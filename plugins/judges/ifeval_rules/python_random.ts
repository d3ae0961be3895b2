/**
 * Python's `random.Random`, the part that language identification draws from: Mersenne Twister 19937 seeded by array,
 * 53-bit uniform numbers, Gaussian numbers in pairs, and choice by rejection.
 *
 * Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8(1), 1998.
 * @module
 */

/** A generator that gives the numbers of `random.seed(n)` for `0 <= n < 2^32`. */
export class PythonRandom {
  #state = new Uint32Array(624);
  #at = 624;
  #spare: number | undefined;

  /**
   * Seeds as `random.seed(seed)` does.
   *
   * @param seed An integer, `0 <= seed < 2^32`.
   */
  constructor(seed: number) {
    const s = this.#state;
    s[0] = 19650218;
    for (let i = 1; i < 624; i++) s[i] = Math.imul(1812433253, s[i - 1]! ^ (s[i - 1]! >>> 30)) + i;
    const mix = (i: number, factor: number) => Math.imul(s[i - 1]! ^ (s[i - 1]! >>> 30), factor);
    let i = 1;
    for (let k = 0; k < 624; k++) {
      s[i] = (s[i]! ^ mix(i, 1664525)) + (seed >>> 0);
      if (++i === 624) [s[0], i] = [s[623]!, 1];
    }
    for (let k = 0; k < 623; k++) {
      s[i] = (s[i]! ^ mix(i, 1566083941)) - i;
      if (++i === 624) [s[0], i] = [s[623]!, 1];
    }
    s[0] = 0x80000000;
  }

  /** Uniform in [0, 1). */
  random(): number {
    const [a, b] = [this.#word() >>> 5, this.#word() >>> 6];
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
      const value = this.#word() >>> shift;
      if (value < n) return value;
    }
  }

  #word(): number {
    if (this.#at === 624) this.#twist();
    let y = this.#state[this.#at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  #twist(): void {
    const s = this.#state;
    for (let i = 0; i < 624; i++) {
      const y = (s[i]! & 0x80000000) | (s[(i + 1) % 624]! & 0x7fffffff);
      s[i] = s[(i + 397) % 624]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#at = 0;
  }
}
