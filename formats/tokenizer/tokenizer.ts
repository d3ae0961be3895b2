/**
 * The contract of a tokenizer with the rest of the project, independent of its file format.
 * @module
 */

/** Text to ids and back. */
export interface Tokenizer {
  /** Number of ids, added tokens included. */
  readonly vocabSize: number;
  /** Id of the token that begins a text, or null. */
  readonly bosId: number | null;
  /** Id of the token that ends an answer, or null. */
  readonly eosId: number | null;
  /** Id of the padding token, or null. */
  readonly padId: number | null;
  /** Id for what the vocabulary lacks, or null. */
  readonly unkId: number | null;
  /** The model's own chat template (Jinja), if its files have one. */
  readonly chatTemplate: string | null;
  /**
   * Ids of a text, without bos or eos. `special: false` (default): text that looks like a special token is plain text;
   * `special: true`: it becomes that token.
   */
  encode(text: string, options?: { special?: boolean }): number[];
  /** Text of ids. `skipSpecial` (default false) leaves special tokens out. */
  decode(ids: readonly number[], options?: { skipSpecial?: boolean }): string;
  /** Id of a whole token, or null. */
  tokenToId(token: string): number | null;
  /** Text of one vocabulary entry, or null. */
  idToToken(id: number): string | null;
  /** Ids of special tokens. */
  readonly specialIds: ReadonlySet<number>;
  /** Changes eos (a template's replaceEos). Ids must exist. Returns a tokenizer that shares the vocabulary. */
  withEos(token: string): Tokenizer;
  /** SHA-256 of what decides the ids, for cache keys. */
  readonly hash: string;
  /** File name → content, as a Hugging Face directory has them (tokenizer.json, tokenizer_config.json, …). */
  files(): Record<string, string | Uint8Array>;
}

/** A tokenizer that can be adapted to a template. Every method returns a new one that shares the vocabulary. */
export interface EditableTokenizer extends Tokenizer {
  /** As of {@linkcode Tokenizer.withEos}. */
  withEos(token: string): EditableTokenizer;
  /** Changes the padding token. Ids must exist. */
  withPad(token: string): EditableTokenizer;
  /** Marks tokens as special; those that are missing are added behind the vocabulary. */
  withSpecialTokens(tokens: readonly string[]): EditableTokenizer;
  /** Makes tokens ones that are found in any text, special or not; those that are missing come behind the vocabulary, added ones stay as they are. */
  withTokens(tokens: readonly string[]): EditableTokenizer;
  /** Changes the chat template that `chatTemplate` and `files()` give; null for none. */
  withChatTemplate(jinja: string | null): EditableTokenizer;
  /** Ids with what the tokenizer puts around a single text, such as bos (transformers' `add_special_tokens`). */
  addBosEos(ids: readonly number[]): number[];
}
