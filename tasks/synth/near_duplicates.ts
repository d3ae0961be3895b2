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
/** 32 bands of 4: two texts whose runs overlap by 0.7 share one with 99.99 %, by 0.3 with 23 %. */
const ROWS_PER_BAND = 4;
/** Tokens of a run: instructions are short. */
const RUN = 3;
/** The smallest prime above 2³², as runs are hashed to 32 bits. */
const PRIME = 4_294_967_311;

/** Texts so far, see the module's text. */
export class NearDuplicates {
  readonly #threshold: number;
  readonly #make: () => MinHash;
  readonly #bands = new Map<string, { id: string; sketch: MinHash }[]>();

  private constructor(threshold: number, make: () => MinHash) {
    this.#threshold = threshold;
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
    const bands = bandsOf(sketch);
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

function bandsOf({ _signature: values }: MinHash): string[] {
  return Array.from(
    { length: HASHES / ROWS_PER_BAND },
    (_, i) => `${i}:${values.slice(i * ROWS_PER_BAND, (i + 1) * ROWS_PER_BAND).join(",")}`,
  );
}
