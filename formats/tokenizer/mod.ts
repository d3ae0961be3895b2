/**
 * Tokenizers: text to ids and back, from Hugging Face directories and GGUF files.
 * @module
 */
import { loadTokenizerSync } from "./load.ts";
import type { EditableTokenizer } from "./tokenizer.ts";

export type { EditableTokenizer, Tokenizer } from "./tokenizer.ts";
export { type GgufTokenizerKeys, ggufTokenizerKeys } from "./gguf/keys.ts";
export { ggufEndIds, isCalledPhi3, isEndInLlamaCpp } from "./gguf/special_tokens.ts";
export { tokenizerFromGguf } from "./gguf/tokenizer.ts";
export { splitsAsQwen2 } from "./qwen2_split.ts";
export { loadTokenizerSync, tokenizerFromFiles } from "./load.ts";

/**
 * Loads a tokenizer from a Hugging Face directory, a tokenizer.json or a .gguf file.
 * @param path Directory or file.
 * @throws {Deno.errors.NotFound} If there is no tokenizer.
 * @throws {SyntaxError} If a file isn't what it should be.
 * @throws {RangeError} If the tokenizer isn't BPE or has a part that isn't supported.
 */
export function loadTokenizer(path: string): Promise<EditableTokenizer> {
  return Promise.resolve(loadTokenizerSync(path));
}
