/**
 * Values of a tokenizer's keys in the metadata of a GGUF file, checked.
 * @module
 */

/** Metadata as {@linkcode ../../gguf/mod.ts} reads it. */
export type Metadata = ReadonlyMap<string, unknown>;

/** A list of texts. @throws {SyntaxError} If it is missing or something else */
export function keyTexts(metadata: Metadata, key: string, name: string): string[] {
  const value = metadata.get(key);
  if (!Array.isArray(value)) throw missingKey(name, key);
  if (!value.every((item) => typeof item === "string")) {
    throw new SyntaxError(`Cannot use the tokenizer of ${name}: ${key} must be a list of texts`);
  }
  return value;
}

/** A list of one number a token; null without the key. @throws {SyntaxError} If it is something else */
export function keyNumbers(metadata: Metadata, key: string, length: number, name: string): number[] | null {
  const value = metadata.get(key);
  if (value === undefined) return null;
  const list = ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<number>) : value;
  if (!Array.isArray(list) || list.length !== length || !list.every((item) => typeof item === "number")) {
    throw new SyntaxError(
      `Cannot use the tokenizer of ${name}: ${key} must be a list of ${length} numbers, one per token`,
    );
  }
  return list;
}

/** A yes or no; null without the key. */
export function keyFlag(metadata: Metadata, key: string): boolean | null {
  const value = metadata.get(key);
  return typeof value === "boolean" ? value : null;
}

/** What is said of a key that has to be there. */
export function missingKey(name: string, key: string): SyntaxError {
  return new SyntaxError(`Cannot use the tokenizer of ${name}: ${key} is missing or isn't a list`);
}
