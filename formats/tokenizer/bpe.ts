/**
 * Byte-pair encoding of one word: its bytes or characters become symbols, which are merged (symbols.ts); short words are remembered.
 * @module
 */
import { shown } from "../message.ts";
import { i32 } from "../elements.ts";
import { BYTE_TO_CHAR, byteToken, toByteAlphabet } from "./bytes.ts";
import { PairTable } from "./pair_table.ts";
import { MOST_SYMBOLS, Symbols } from "./symbols.ts";
import type { BpeModelJson } from "./tokenizer_json.ts";
import { CACHED_LENGTH, WordCache } from "./word_cache.ts";

/** The model of a tokenizer: words to ids. Not safe to share between threads (it has scratch space), one per worker. */
export class Bpe {
  /** Ids by token. */
  readonly vocab: ReadonlyMap<string, number>;
  /** Tokens by id. */
  readonly tokens: readonly string[];
  readonly #byteLevel: boolean;
  readonly #ignoreMerges: boolean;
  readonly #fuseUnk: boolean;
  readonly #unk: number;
  /** Id of each byte, `[256]`, or −1. */
  readonly #byteIds: Int32Array;
  readonly #fallback: boolean;
  readonly #pairs: PairTable;
  readonly #longest: number;
  readonly #symbols = new Symbols();
  readonly #cache = new WordCache();

  /**
   * Compiles a model.
   * @param model `model` of a tokenizer.json.
   * @param byteLevel True if its tokens are written in the byte alphabet.
   * @throws {SyntaxError} If a merge names a token that the vocabulary lacks.
   */
  constructor(model: BpeModelJson, byteLevel: boolean) {
    const vocab = new Map<string, number>(), tokens: string[] = [];
    let longest = 0;
    for (const [token, id] of Object.entries(model.vocab)) {
      vocab.set(token, id);
      tokens[id] = token;
      if (token.length > longest) longest = token.length;
    }
    this.vocab = vocab;
    this.tokens = tokens;
    this.#longest = longest;
    this.#byteLevel = byteLevel;
    this.#ignoreMerges = model.ignore_merges === true;
    this.#fuseUnk = model.fuse_unk === true;
    this.#unk = model.unk_token == null ? -1 : this.vocab.get(model.unk_token) ?? -1;
    const fallback = BYTE_TO_CHAR.map((_, byte) => this.vocab.get(byteToken(byte)) ?? -1);
    this.#fallback = model.byte_fallback === true;
    this.#byteIds = Int32Array.from(
      byteLevel ? BYTE_TO_CHAR.map((char) => this.vocab.get(char) ?? -1) : fallback,
    );
    const lacking = this.#byteIds.filter((id) => id < 0).length;
    if (byteLevel && this.#fallback && lacking > 0 && fallback.some((id) => id >= 0)) {
      throw new RangeError(
        `Cannot use the tokenizer: it is byte-level, lacks ${lacking} of the 256 bytes and has byte_fallback for them, which isn't supported`,
      );
    }
    this.#pairs = new PairTable(model.merges.length);
    model.merges.forEach((merge, rank) => {
      const [left, right] = typeof merge === "string" ? splitMerge(merge, rank) : merge;
      const l = this.#idOf(left, rank), r = this.#idOf(right, rank);
      this.#pairs.set(l, r, rank, this.#idOf(left + right, rank));
    });
  }

  #idOf(token: string, rank: number): number {
    const id = this.vocab.get(token);
    if (id === undefined) {
      throw new SyntaxError(
        `Cannot use merge ${rank} of the tokenizer: ${shown(token)} isn't in its vocabulary`,
      );
    }
    return id;
  }

  /** Pushes the ids of `text.slice(start, end)`, taken as one word, to `out`. The text has no lone surrogates. */
  encodeWord(text: string, start: number, end: number, out: number[]): void {
    const isShort = end - start <= CACHED_LENGTH, symbols = this.#symbols;
    if (isShort && this.#cache.find(text, start, end, out)) return;
    this.#merge(text, start, end);
    for (let i = 0; i < symbols.count; i++) out.push(i32(symbols.ids, i));
    if (isShort) this.#cache.keep(text, start, end, symbols);
  }

  #merge(text: string, start: number, end: number): void {
    if (end - start > MOST_SYMBOLS) {
      throw new RangeError(
        `Cannot encode a word of ${end - start} characters: at most ${MOST_SYMBOLS} are possible`,
      );
    }
    if (this.#ignoreMerges && this.#wholeWord(text.slice(start, end))) return;
    if (this.#byteLevel) this.#byteSymbols(text, start, end);
    else this.#charSymbols(text, start, end);
    this.#symbols.merge(this.#pairs);
  }

  #wholeWord(word: string): boolean {
    if (word.length > this.#longest) return false;
    const id = this.vocab.get(this.#byteLevel ? toByteAlphabet(word) : word);
    if (id === undefined) return false;
    this.#symbols.ids[0] = id;
    this.#symbols.count = 1;
    return true;
  }

  #byteSymbols(text: string, start: number, end: number): void {
    this.#symbols.reserve((end - start) * 3);
    const ids = this.#symbols.ids, byteIds = this.#byteIds, unk = this.#unk;
    let n = 0, lastUnknown = false;
    const put = (byte: number) => {
      const id = i32(byteIds, byte);
      if (id >= 0) {
        ids[n++] = id;
        lastUnknown = false;
      } else if (unk >= 0 && !(lastUnknown && this.#fuseUnk)) {
        // a byte that the vocabulary lacks vanishes where there is no unknown token
        ids[n++] = unk;
        lastUnknown = true;
      }
    };
    for (let i = start; i < end; i++) {
      let code = text.charCodeAt(i);
      if (code < 0x80) {
        put(code);
      } else if (code < 0x800) {
        put(0xc0 | code >> 6);
        put(0x80 | code & 0x3f);
      } else if (code < 0xd800 || code > 0xdfff) {
        put(0xe0 | code >> 12);
        put(0x80 | code >> 6 & 0x3f);
        put(0x80 | code & 0x3f);
      } else {
        code = 0x10000 + ((code & 0x3ff) << 10 | text.charCodeAt(++i) & 0x3ff);
        put(0xf0 | code >> 18);
        put(0x80 | code >> 12 & 0x3f);
        put(0x80 | code >> 6 & 0x3f);
        put(0x80 | code & 0x3f);
      }
    }
    this.#symbols.count = n;
  }

  #charSymbols(text: string, start: number, end: number): void {
    // four byte tokens at most for two units, three for one
    this.#symbols.reserve((end - start) * 3);
    const ids = this.#symbols.ids, unk = this.#unk;
    let n = 0, waits = false;
    const flush = () => {
      if (waits) ids[n++] = unk;
      waits = false;
    };
    for (let i = start; i < end;) {
      const [char = ""] = text.slice(i, i + 2);
      i += char.length;
      const id = this.vocab.get(char);
      if (id !== undefined) {
        flush();
        ids[n++] = id;
        continue;
      }
      if (this.#fallback) {
        const bytes = new TextEncoder().encode(char);
        // the library puts bytes before an unknown character that waits to be fused
        if (bytes.every((byte) => i32(this.#byteIds, byte) >= 0)) {
          for (const byte of bytes) ids[n++] = i32(this.#byteIds, byte);
          continue;
        }
      }
      if (!this.#fuseUnk) flush();
      waits = unk >= 0;
    }
    flush();
    this.#symbols.count = n;
  }
}

function splitMerge(merge: string, rank: number): readonly [string, string] {
  const space = merge.indexOf(" ", 1);
  if (space < 0) {
    throw new SyntaxError(
      `Cannot use merge ${rank} of the tokenizer: ${
        JSON.stringify(merge)
      } isn't two tokens with a space between`,
    );
  }
  return [merge.slice(0, space), merge.slice(space + 1)];
}
