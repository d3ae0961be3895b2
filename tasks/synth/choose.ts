/**
 * Seeded choices, and shares as whole numbers.
 * @module
 */
import { createHash } from "node:crypto";

import { randomWords } from "../eval/statistics/random_words.ts";

/** Choices that are the same for the same seed. */
export class Draws {
  readonly #next: () => number;

  /** @param parts Seed of the choices: numbers and texts; another one in any place gives other choices. */
  constructor(...parts: readonly (number | string)[]) {
    const seed = createHash("sha256").update(JSON.stringify(parts)).digest().readUInt32LE(0);
    this.#next = randomWords(seed);
  }

  /** Uniform in [0, 1). */
  fraction(): number {
    return this.#next() * 2 ** -32;
  }

  /** A whole number from `from` to `to`, both included, in steps of `step`. */
  whole(from: number, to: number, step = 1): number {
    return from + step * Math.floor(this.fraction() * (Math.floor((to - from) / step) + 1));
  }

  /** One of the values, by weight where one is given. @throws {RangeError} If there is none */
  one<T>(values: readonly T[], weightOf: (value: T) => number = () => 1): T {
    let left = this.fraction() * values.reduce((sum, value) => sum + weightOf(value), 0);
    for (const value of values) {
      left -= weightOf(value);
      if (left < 0) return value;
    }
    const last = values.at(-1);
    if (last === undefined) throw new RangeError("Cannot choose as a value is needed: current value is []");
    return last;
  }

  /** The values in another order (Fisher and Yates). */
  shuffled<T>(values: readonly T[]): T[] {
    const out = [...values];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.whole(0, i);
      [out[i], out[j]] = [out[j] as T, out[i] as T];
    }
    return out;
  }
}

/**
 * Whole numbers that sum to `total` and are nearest to the shares (largest remainders; of equal ones the first).
 * @param weights Relative, >= 0, one of them > 0
 * @throws {RangeError} If no weight is above 0
 */
export function apportion(total: number, weights: ReadonlyMap<string, number>): Map<string, number> {
  const sum = [...weights.values()].reduce((a, b) => a + b, 0);
  if (!(sum > 0)) throw new RangeError(`Cannot share ${total} out as weights above 0 are needed`);
  const parts = [...weights].map(([name, weight]) => {
    const exact = total * weight / sum;
    return { name, whole: Math.floor(exact), rest: exact - Math.floor(exact) };
  });
  const left = total - parts.reduce((a, { whole }) => a + whole, 0);
  for (const part of [...parts].sort((a, b) => b.rest - a.rest).slice(0, left)) part.whole++;
  return new Map(parts.map(({ name, whole }) => [name, whole]));
}
