/**
 * Most sequences at once where nobody says another number; by itself, for options that are read without an engine.
 * @module
 */

/** Sequences at once: a step of eight takes about as long as two of one (`deno task bench generate`). */
export const MAX_BATCH = 8;
