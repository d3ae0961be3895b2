/**
 * Near-duplicates among texts: MinHash signatures (Broder 1997) of runs of tokens, compared only with texts that share a band of
 * them (Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", 3.4), so that each text is compared with few.
 * @module
 */
import { createHash } from "node:crypto";

import type { MinHash } from "bloom-filters";

import { Draws } from "./choose.ts";
import { runsOf, tokensOf } from "./tokens.ts";

const HASHES = 128;
/** Values of a band, the longest first: the longer, the fewer texts are compared. */
const BANDS = [4, 2, 1];
/** Of pairs at the threshold this share at least must have a band in common. */
const FOUND = 0.997;
/** Tokens of a run: instructions are short. */
const RUN = 3;
/** The smallest prime above 2³², as runs are hashed to 32 bits. */
const PRIME = 4_294_967_311;

/** Texts so far, see the module's text. */
export class NearDuplicates {
  readonly #threshold: number;
  readonly #band: number;
  readonly #make: () => MinHash;
  readonly #bands = new Map<string, { id: string; sketch: MinHash }[]>();

  private constructor(threshold: number, make: () => MinHash) {
    this.#threshold = threshold;
    this.#band = bandFor(threshold);
    this.#make = make;
  }

  /**
   * No text yet.
   * @param threshold Estimated share of common runs (Jaccard) from which on two texts are near-duplicates, in (0, 1]
   */
  static async open(threshold: number): Promise<NearDuplicates> {
    const { MinHash } = await import("bloom-filters");
    const choose = new Draws(1, "minhash");
    // a · x + b stays below 2⁵³, beyond which numbers lose their last digits
    const functions = Array.from({ length: HASHES }, () => ({
      a: choose.whole(1, 2 ** 20),
      b: choose.whole(0, 2 ** 31),
      c: PRIME,
    }));
    return new NearDuplicates(threshold, () => new MinHash(HASHES, functions));
  }

  /**
   * Adds a text unless it is a near-duplicate of one before.
   * @returns Id of that one; null when the text was added
   */
  add(id: string, text: string): string | null {
    const runs = new Set(runsOf(tokensOf(text), RUN));
    if (runs.size === 0) return null;
    const sketch = this.#make();
    sketch.bulkLoad([...runs].map(hashed));
    const bands = bandsOf(sketch, this.#band);
    for (const band of bands) {
      for (const before of this.#bands.get(band) ?? []) {
        if (before.sketch.compareWith(sketch) >= this.#threshold) return before.id;
      }
    }
    for (const band of bands) {
      const same = this.#bands.get(band);
      if (same === undefined) this.#bands.set(band, [{ id, sketch }]);
      else same.push({ id, sketch });
    }
    return null;
  }
}

function hashed(text: string): number {
  return createHash("sha256").update(text).digest().readUInt32LE(0);
}

/** 4 from a threshold of 0.64 on (at 0.7 two texts share one of 32 bands with 99.98 %), 2 from 0.3 on, 1 below. */
function bandFor(threshold: number): number {
  return BANDS.find((length) => 1 - (1 - threshold ** length) ** (HASHES / length) >= FOUND) ?? 1;
}

function bandsOf({ _signature: values }: MinHash, length: number): string[] {
  return Array.from(
    { length: HASHES / length },
    (_, i) => `${i}:${values.slice(i * length, (i + 1) * length).join(",")}`,
  );
}
