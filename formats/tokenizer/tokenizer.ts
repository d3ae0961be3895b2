/**
 * What the rest of the project needs of a tokenizer, whatever file it came from.
 * @module
 */

/** Text to ids and back. */
export interface Tokenizer {
  /** Number of ids, added tokens included. */
  readonly vocabSize: number;
  readonly bosId: number | null;
  readonly eosId: number | null;
  readonly padId: number | null;
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
