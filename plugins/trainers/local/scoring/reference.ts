/**
 * Reference log-probabilities as data (docs/architecture.md, idea 5): computed when a row is first met, from the same pack with
 * adapters off, and kept beside the run.
 * @module
 */
import { z } from "zod";

import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";

/** Form of what {@linkcode ReferenceCache.toJson} gives. */
export const ReferenceSums: z.ZodType<Record<string, Record<string, number>>> = z.record(
  z.string().regex(/^(train|eval):\d+$/),
  z.record(z.string(), z.number()),
);

/** Sums of reference log-probabilities by split, row and sequence name. */
export class ReferenceCache {
  readonly #sums = new Map<string, Record<string, number>>();

  /** @returns Sums by sequence name, or undefined when not computed yet. */
  get(split: "train" | "eval", example: EncodedExample): Record<string, number> | undefined {
    return this.#sums.get(`${split}:${example.index}`);
  }

  /** Sums by sequence name. @throws {RangeError} If they aren't computed yet. */
  of(split: "train" | "eval", example: EncodedExample): Record<string, number> {
    const sums = this.get(split, example);
    if (!sums) throw new RangeError(`Cannot score row ${example.index} of ${split}: it has no reference yet`);
    return sums;
  }

  set(split: "train" | "eval", example: EncodedExample, sums: Record<string, number>): void {
    this.#sums.set(`${split}:${example.index}`, sums);
  }

  /** For a checkpoint. JSON keeps every float64 exactly. */
  toJson(): string {
    return JSON.stringify(Object.fromEntries(this.#sums));
  }

  /** Takes over what {@linkcode ReferenceCache.toJson} gave, read back. */
  load(sums: z.infer<typeof ReferenceSums>): void {
    for (const [key, value] of Object.entries(sums)) this.#sums.set(key, value);
  }
}
