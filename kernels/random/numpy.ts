/**
 * NumPy's default generator (PCG64 seeded through SeedSequence) and the few draws that Hugging Face `datasets` makes
 * with it: permutation, choice with probabilities, integers. Equal bit for bit, so that a split or a mix is the same.
 *
 * O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms", 2014 (XSL-RR 128/64).
 * @module
 */

import { item } from "../../formats/elements.ts";

const MASK64 = (1n << 64n) - 1n;
const MASK128 = (1n << 128n) - 1n;
const MULTIPLIER = 47026247687942121848144207491837523525n;

/** `np.random.default_rng(seed)`. */
export class NumpyGenerator {
  #state: bigint;
  #increment: bigint;
  #half: number | null = null;

  /** Seeds the generator. @param seed A whole number, 0 <= seed < 2^64. @throws {RangeError} If it isn't. */
  constructor(seed: number | bigint) {
    if ((typeof seed === "number" && !Number.isSafeInteger(seed)) || seed < 0 || seed >= 1n << 64n) {
      throw new RangeError(
        `Cannot seed a generator as NumPy does with a whole number >= 0: current value is ${seed}`,
      );
    }
    const [s0, s1, i0, i1] = seedSequence(BigInt(seed));
    this.#increment = ((((i0 << 64n) | i1) << 1n) | 1n) & MASK128;
    this.#state = 0n;
    this.#step();
    this.#state = (this.#state + ((s0 << 64n) | s1)) & MASK128;
    this.#step();
  }

  #step(): void {
    this.#state = (this.#state * MULTIPLIER + this.#increment) & MASK128;
  }

  /** The next 64-bit word. */
  next64(): bigint {
    this.#step();
    const word = (this.#state >> 64n) ^ (this.#state & MASK64);
    const rotate = this.#state >> 122n;
    return ((word >> rotate) | (word << (64n - rotate))) & MASK64;
  }

  /** The next 32-bit word: each 64-bit word gives its low half, then its high half. */
  next32(): number {
    if (this.#half !== null) {
      const half = this.#half;
      this.#half = null;
      return half;
    }
    const word = this.next64();
    this.#half = Number(word >> 32n);
    return Number(word & 0xffffffffn);
  }

  /** `random()`: uniform in [0, 1). */
  random(): number {
    return Number(this.next64() >> 11n) / 2 ** 53;
  }

  /** Uniform in 0..max inclusive, max < 2^32, by masking and rejection (what `shuffle` draws). */
  interval(max: number): number {
    if (max === 0) return 0;
    const mask = 0xffffffff >>> Math.clz32(max);
    for (;;) {
      const value = (this.next32() & mask) >>> 0;
      if (value <= max) return value;
    }
  }

  /** `integers(0, n)`, 0 < n < 2^32, by Lemire's method. */
  integer(n: number): number {
    if (n === 1) return 0;
    const threshold = (2 ** 32 - n) % n;
    for (;;) {
      const product = BigInt(this.next32()) * BigInt(n);
      if (Number(product & 0xffffffffn) >= threshold) return Number(product >> 32n);
    }
  }

  /** `shuffle(items)`, in place. */
  shuffle<T>(items: { length: number; [index: number]: T }): void {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.interval(i);
      const kept = item(items, i);
      items[i] = item(items, j);
      items[j] = kept;
    }
  }

  /** `permutation(n)`. */
  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    this.shuffle(order);
    return order;
  }

  /** `choice(p.length, p=p)`, one draw; p are probabilities > 0 that sum to 1. */
  choice(p: readonly number[]): number {
    const cumulative: number[] = [];
    let sum = 0;
    for (const x of p) cumulative.push(sum += x);
    const u = this.random();
    const index = cumulative.findIndex((c) => u < c / sum);
    return index < 0 ? p.length - 1 : index;
  }
}

/** `SeedSequence(seed).generate_state(4, uint64)`. */
function seedSequence(seed: bigint): [bigint, bigint, bigint, bigint] {
  const entropy = [Number(seed & 0xffffffffn), Number(seed >> 32n)];
  let hashConstant = 0x43b0d7e5;
  const hash = (value: number): number => {
    value = (value ^ hashConstant) >>> 0;
    hashConstant = Math.imul(hashConstant, 0x931e8875) >>> 0;
    value = Math.imul(value, hashConstant) >>> 0;
    return (value ^ (value >>> 16)) >>> 0;
  };
  const mix = (x: number, y: number): number => {
    const value = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) >>> 0;
    return (value ^ (value >>> 16)) >>> 0;
  };
  const pool = [0, 1, 2, 3].map((i) => hash(entropy[i] ?? 0));
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) {
      if (from !== to) pool[to] = mix(item(pool, to), hash(item(pool, from)));
    }
  }
  let outConstant = 0x8b51f9dd;
  const words = Array.from({ length: 8 }, (_, i) => {
    let value = (item(pool, i % 4) ^ outConstant) >>> 0;
    outConstant = Math.imul(outConstant, 0x58f38ded) >>> 0;
    value = Math.imul(value, outConstant) >>> 0;
    return BigInt((value ^ (value >>> 16)) >>> 0);
  });
  const word = (i: number) => item(words, i) | (item(words, i + 1) << 32n);
  return [word(0), word(2), word(4), word(6)];
}
