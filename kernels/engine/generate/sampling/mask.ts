/**
 * The seam for answers that follow a grammar: a mask says before every token which ones may come. It is made in the generator's
 * Worker, beside the engine, so a request names the module that makes it.
 * @module
 */
import type { Tokenizer } from "../../../../formats/tokenizer/mod.ts";

/** Options that no mask can be made of: the request's fault, by its words. */
export class MaskError extends RangeError {
  /** Its class, across Workers. */
  override name = "MaskError";
}

/** There was no memory for a mask: no fault of the request's, and later there may be some. */
export class MaskMemoryError extends Error {
  /** Its class, across Workers. */
  override name = "MaskMemoryError";
}

/** A module and what it is given; can be sent to a Worker. */
export interface MaskSource {
  /** URL of a module whose default export is a {@linkcode MakeMask}: `new URL("./json_mask.ts", import.meta.url).href`. */
  readonly module: string;
  /** Its options, such as a JSON schema. */
  readonly options: unknown;
}

/** Tokens that an answer may continue by. One for every answer. */
export interface TokenMask {
  /**
   * Sets bit `id % 32` of word `id >> 5` of every token that may come next, and clears the others. End tokens count as
   * the others do: the answer ends when one is chosen.
   * @param words `[⌈V / 32⌉]`.
   */
  fill(words: Int32Array<ArrayBuffer>): void;
  /** A token was chosen. */
  accept(id: number): void;
  /** The answer is over, whole or not. */
  dispose?(): void;
}

/** The model's data for a mask. */
export interface MaskVocabulary {
  readonly tokenizer: Tokenizer;
  /** Ids that the model knows; the tokenizer may know fewer or more. */
  readonly vocabSize: number;
  /** Ids that end the answer. */
  readonly endIds: readonly number[];
}

/**
 * Makes a mask for one answer. Several masks of one module live at once, so what is made of the vocabulary is worth keeping.
 * Other answers stand still while it computes in this thread. The signal is the answer's.
 * @throws {MaskError} If the options aren't a grammar; the request gets the error.
 * @throws {MaskMemoryError}
 */
export type MakeMask = (
  options: unknown,
  vocabulary: MaskVocabulary,
  signal?: AbortSignal,
) => TokenMask | Promise<TokenMask>;

/**
 * Loads the module of a mask and makes one.
 * @throws {TypeError} If the module has no function as its default export.
 * @throws {MaskError} If its options aren't what it needs.
 */
export async function openMask(
  source: MaskSource,
  vocabulary: MaskVocabulary,
  signal?: AbortSignal,
): Promise<TokenMask> {
  const { default: make } = await import(source.module) as { default?: MakeMask };
  if (typeof make !== "function") {
    throw new TypeError(
      `Cannot take a mask from ${source.module}: its default export must be a function: current value is ${typeof make}`,
    );
  }
  try {
    return await make(source.options, vocabulary, signal);
  } catch (error) {
    if (signal?.aborted || !(error instanceof RangeError) || error instanceof MaskError) throw error;
    // an array that is too long, a memory that can't grow: the platform's words for what no request asked for
    throw new Error(`Cannot make the mask of an answer: ${error.message}`, { cause: error });
  }
}
