/**
 * Taxonomies of constraints: types, their dimensions, how often each is wanted. The bundled one is TRACE's 5 types and 26 dimensions;
 * one's own has the same shape (docs/synth.md).
 * @module
 */
import { z } from "zod";

import { readDataFile } from "./data_file.ts";

const weight = z.number().nonnegative();

const Schema = z.strictObject({
  name: z.string().min(1),
  source: z.string().default(""),
  types: z.record(
    z.string().min(1),
    z.strictObject({
      weight,
      dimensions: z.record(
        z.string().min(1),
        z.strictObject({ weight: weight.default(1), meaning: z.string().min(1) }),
      ).refine((dimensions) => Object.keys(dimensions).length > 0, "needs at least one dimension"),
    }),
  ).refine((types) => Object.keys(types).length > 0, "needs at least one type"),
});

/** A taxonomy: by type, its weight and its dimensions with what each asks for. Weights are relative. */
export type Taxonomy = z.output<typeof Schema>;

/**
 * Reads a taxonomy; the bundled one without a path.
 * @throws {RangeError} If it isn't one
 */
export function readTaxonomy(path?: string): Taxonomy {
  return readDataFile(path ?? new URL("data/taxonomy.json", import.meta.url), Schema, "a taxonomy");
}
