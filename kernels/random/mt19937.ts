/**
 * Mersenne Twister 19937 and what PyTorch and NumPy draw from it, so that data are ordered and sampled as
 * LLaMA-Factory does with the same seed. Python's `random` draws from it too.
 *
 * Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8(1), 1998.
 * @module
 */
import { i32, item, u32 } from "../../formats/elements.ts";

/** The generator, seeded with one 32-bit integer (Knuth's initialisation, as `torch.manual_seed` and `np.random.seed`). */
export class MT19937 {
  #state = new Uint32Array(624);
  #next = 624;

  /**
   * The generator seeded with an array (the authors' `init_by_array`, as Python's `random.seed`).
   * @param key Words of 32 bits, at least one.
   */
  static ofKey(key: ArrayLike<number>): MT19937 {
    const generator = new MT19937(19650218);
    const s = generator.#state;
    const mixed = (i: number, factor: number) =>
      u32(s, i) ^ Math.imul(u32(s, i - 1) ^ (u32(s, i - 1) >>> 30), factor);
    let i = 1;
    const next = () => {
      if (++i === 624) [s[0], i] = [u32(s, 623), 1];
    };
    for (let k = 0; k < Math.max(624, key.length); k++, next()) {
      const j = k % key.length;
      s[i] = mixed(i, 1664525) + item(key, j) + j;
    }
    for (let k = 0; k < 623; k++, next()) s[i] = mixed(i, 1566083941) - i;
    s[0] = 0x80000000;
    return generator;
  }

  /** Seeds the generator. @param seed An integer; its low 32 bits are used. */
  constructor(seed: number) {
    const s = this.#state;
    s[0] = seed >>> 0;
    for (let i = 1; i < 624; i++) {
      const x = u32(s, i - 1) ^ (u32(s, i - 1) >>> 30);
      s[i] = (Math.imul(1812433253, x) + i) >>> 0;
    }
  }

  /** The next 32-bit word, `0 <= x < 2^32`. */
  next(): number {
    if (this.#next === 624) this.#twist();
    let y = u32(this.#state, this.#next++);
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  #twist(): void {
    const s = this.#state;
    for (let i = 0; i < 624; i++) {
      const y = (u32(s, i) & 0x80000000) | (u32(s, (i + 1) % 624) & 0x7fffffff);
      s[i] = (u32(s, (i + 397) % 624) ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0)) >>> 0;
    }
    this.#next = 0;
  }
}

/**
 * `torch.randperm(n)` on the CPU after `manual_seed(seed)`.
 *
 * @param n Number of items, 0 <= n < 2^32 / 20 (PyTorch draws 64-bit words beyond that).
 * @throws {RangeError} If n is out of range.
 */
export function torchRandperm(n: number, seed: number): Int32Array {
  if (!(n >= 0 && n < 0xffffffff / 20)) {
    throw new RangeError(`Cannot shuffle as PyTorch does up to 214748364 rows: current value is ${n}`);
  }
  const generator = new MT19937(seed);
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = 0; i < n - 1; i++) {
    const j = i + generator.next() % (n - i);
    [order[i], order[j]] = [i32(order, j), i32(order, i)];
  }
  return order;
}

/** `np.random.permutation(n)` of the legacy generator, drawing from `generator`. */
export function numpyLegacyPermutation(n: number, generator: MT19937): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = masked(generator, i);
    [order[i], order[j]] = [i32(order, j), i32(order, i)];
  }
  return order;
}

/** `np.random.choice(n, count)` of the legacy generator (with replacement), drawing from `generator`; n > 0. */
export function numpyLegacyChoice(n: number, count: number, generator: MT19937): Int32Array {
  return Int32Array.from({ length: count }, () => masked(generator, n - 1));
}

/** Uniform in 0..max inclusive by masking and rejection; max = 0 draws nothing. */
function masked(generator: MT19937, max: number): number {
  if (max === 0) return 0;
  const mask = 0xffffffff >>> Math.clz32(max);
  for (;;) {
    const value = (generator.next() & mask) >>> 0;
    if (value <= max) return value;
  }
}
