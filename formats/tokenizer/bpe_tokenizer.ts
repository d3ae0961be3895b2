/**
 * The tokenizer of a tokenizer.json: added tokens, normalizer, pre-tokenizer, BPE, decoder.
 * @module
 */
import { createHash } from "node:crypto";

import { AddedTokenFinder } from "./added_tokens.ts";
import { Bpe } from "./bpe.ts";
import { alphabetBytes, decoder, utf8 } from "./decoders.ts";
import { normalizer } from "./normalizers.ts";
import { postProcessor } from "./post_processor.ts";
import { checkBeginning, type PreTokenizer, preTokenizer } from "./pre_tokenizers.ts";
import type { EditableTokenizer } from "./tokenizer.ts";
import type { AddedToken, TokenizerJson } from "./tokenizer_json.ts";
import { addPlain, markSpecial, type Parts, tokenizerFilesOf } from "./tokenizer_parts.ts";

/** Tables shared by variants with another eos. */
interface Engine {
  bpe: Bpe;
  pre: PreTokenizer;
  normalize: ((text: string) => string) | null;
  decode: (tokens: string[]) => string;
  /** True if ids decode to bytes, one after the other. */
  byteDecoder: boolean;
  /** SHA-256 of everything but the added tokens; made when asked for, since it takes as long as loading. */
  modelHash: () => string;
}

/** See {@linkcode EditableTokenizer}. */
export class BpeTokenizer implements EditableTokenizer {
  readonly vocabSize: number;
  readonly bosId: number | null;
  readonly eosId: number | null;
  readonly padId: number | null;
  readonly unkId: number | null;
  readonly chatTemplate: string | null;
  readonly specialIds: ReadonlySet<number>;
  #hash: string | null = null;
  readonly #parts: Parts;
  readonly #engine: Engine;
  readonly #added: ReadonlyMap<string, AddedToken>;
  readonly #addedById: ReadonlyMap<number, AddedToken>;
  readonly #rawFinder: AddedTokenFinder;
  readonly #normalizedFinder: AddedTokenFinder;
  readonly #bytes: Map<number, Uint8Array> = new Map();

  /**
   * Compiles a tokenizer.
   * @param engine That of a variant, from its own code only.
   * @throws {SyntaxError} If the file contradicts itself.
   * @throws {RangeError} If a part isn't supported.
   */
  constructor(parts: Parts, engine?: unknown) {
    const { json, special } = parts;
    this.#parts = parts;
    this.#engine = (engine as Engine | undefined) ?? makeEngine(json);
    this.#added = new Map(json.added_tokens.map((token) => [token.content, token]));
    this.#addedById = new Map(json.added_tokens.map((token) => [token.id, token]));
    const raw = new Map<string, AddedToken>(), normalized = new Map<string, AddedToken>();
    const normalize = this.#engine.normalize ?? ((text: string) => text);
    for (const token of json.added_tokens) {
      if (token.normalized) normalized.set(normalize(token.content), token);
      else raw.set(token.content, token);
    }
    this.#rawFinder = new AddedTokenFinder(raw);
    this.#normalizedFinder = new AddedTokenFinder(normalized);
    const vocab = this.#engine.bpe.vocab;
    this.vocabSize = vocab.size + json.added_tokens.filter((token) => !vocab.has(token.content)).length;
    const id = (token: string | null) => token === null ? null : this.tokenToId(token);
    this.bosId = id(special.bos_token);
    this.eosId = id(special.eos_token);
    this.padId = id(special.pad_token);
    this.unkId = id(special.unk_token);
    this.chatTemplate = parts.chatTemplate;
    this.specialIds = new Set(json.added_tokens.filter((token) => token.special).map((token) => token.id));
  }

  get hash(): string {
    const { json, special, chatTemplate } = this.#parts;
    return this.#hash ??= createHash("sha256")
      .update(this.#engine.modelHash())
      .update(JSON.stringify([json.added_tokens, special, chatTemplate]))
      .digest("hex");
  }

  encode(text: string, options?: { special?: boolean }): number[] {
    const special = options?.special ?? false;
    const out: number[] = [];
    let first = true;
    for (const raw of this.#rawFinder.split(text.toWellFormed(), special)) {
      if (raw.id >= 0) {
        out.push(raw.id);
      } else {
        const normalized = this.#engine.normalize?.(raw.text) ?? raw.text;
        for (const piece of this.#normalizedFinder.split(normalized, special)) {
          if (piece.id >= 0) out.push(piece.id);
          else this.#encodePiece(piece.text, first, out);
          first = false;
        }
      }
      first = false;
    }
    return out;
  }

  #encodePiece(text: string, first: boolean, out: number[]): void {
    const { bpe, pre } = this.#engine;
    const run = (value: string, step: number, atStart: boolean): void => {
      const next = pre.steps[step];
      if (next === undefined) {
        if (value !== "") bpe.encodeWord(value, 0, value.length, out);
        return;
      }
      if ("map" in next) return run(next.map(value, atStart), step + 1, atStart);
      const cuts: number[] = [];
      next.cut(value, cuts);
      const last = step + 1 === pre.steps.length;
      for (let i = 0; i < cuts.length; i += 2) {
        const start = cuts[i]!, end = cuts[i + 1]!;
        if (last) bpe.encodeWord(value, start, end, out);
        else run(value.slice(start, end), step + 1, atStart && start === 0);
      }
    };
    run(text, 0, first);
  }

  decode(ids: readonly number[], options?: { skipSpecial?: boolean }): string {
    const skip = options?.skipSpecial ?? false;
    const kept = skip ? ids.filter((id) => !this.specialIds.has(id)) : ids;
    if (!this.#engine.byteDecoder) {
      return this.#engine.decode(kept.map((id) => this.idToToken(id)).filter((token) => token !== null));
    }
    let length = 0;
    const parts = kept.map((id) => {
      const bytes = this.#bytesOf(id);
      length += bytes.length;
      return bytes;
    });
    const all = new Uint8Array(length);
    let offset = 0;
    for (const bytes of parts) {
      all.set(bytes, offset);
      offset += bytes.length;
    }
    return utf8(all);
  }

  #bytesOf(id: number): Uint8Array {
    let bytes = this.#bytes.get(id);
    if (bytes === undefined) {
      bytes = Uint8Array.from(alphabetBytes(this.idToToken(id) ?? ""));
      this.#bytes.set(id, bytes);
    }
    return bytes;
  }

  tokenToId(token: string): number | null {
    return this.#added.get(token)?.id ?? this.#engine.bpe.vocab.get(token) ?? null;
  }

  idToToken(id: number): string | null {
    return this.#addedById.get(id)?.content ?? this.#engine.bpe.tokens[id] ?? null;
  }

  addBosEos(ids: readonly number[]): number[] {
    return postProcessor(this.#parts.json.post_processor)(ids);
  }

  withEos(token: string): BpeTokenizer {
    return this.#withSpecial("eos_token", token);
  }

  withPad(token: string): BpeTokenizer {
    return this.#withSpecial("pad_token", token);
  }

  #withSpecial(name: "eos_token" | "pad_token", token: string): BpeTokenizer {
    if (this.tokenToId(token) === null) {
      throw new RangeError(
        `Cannot make ${
          JSON.stringify(token)
        } the tokenizer's ${name}: it isn't in its vocabulary of ${this.vocabSize}`,
      );
    }
    return this.#with({
      json: markSpecial(this.#parts.json, [token]),
      special: { ...this.#parts.special, [name]: token },
      config: { ...this.#parts.config, [name]: token },
    });
  }

  withSpecialTokens(tokens: readonly string[]): BpeTokenizer {
    const { json, extra } = this.#parts;
    return this.#with({ json: markSpecial(json, tokens), extra: [...new Set([...extra, ...tokens])] });
  }

  withTokens(tokens: readonly string[]): BpeTokenizer {
    return this.#with({ json: addPlain(this.#parts.json, tokens) });
  }

  withChatTemplate(jinja: string | null): BpeTokenizer {
    return this.#with({ chatTemplate: jinja });
  }

  #with(change: Partial<Parts>): BpeTokenizer {
    return new BpeTokenizer({ ...this.#parts, ...change }, this.#engine);
  }

  files(): Record<string, string | Uint8Array> {
    return tokenizerFilesOf(this.#parts);
  }
}

function makeEngine(json: TokenizerJson): Engine {
  checkBeginning(json.normalizer, json.pre_tokenizer);
  const pre = preTokenizer(json.pre_tokenizer);
  const bpe = new Bpe(json.model, pre.byteLevel);
  const { added_tokens: _, ...rest } = json;
  let hash: string | null = null;
  return {
    bpe,
    pre,
    normalize: normalizer(json.normalizer),
    decode: decoder(json.decoder),
    byteDecoder: json.decoder?.type === "ByteLevel",
    modelHash: () => hash ??= createHash("sha256").update(JSON.stringify(rest)).digest("hex"),
  };
}
