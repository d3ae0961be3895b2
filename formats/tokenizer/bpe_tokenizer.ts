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
import {
  type AddedToken,
  addedToken,
  isObject,
  type TokenizerConfig,
  type TokenizerJson,
} from "./tokenizer_json.ts";

/** Names of the special tokens that a configuration may have. */
export interface SpecialTokens {
  /** Begins a text. */
  bos_token: string | null;
  /** Ends a text. */
  eos_token: string | null;
  /** Fills up a batch. */
  pad_token: string | null;
  /** Stands for what the vocabulary lacks. */
  unk_token: string | null;
}

/** The parts of a tokenizer. */
export interface Parts {
  /** tokenizer.json. */
  json: TokenizerJson;
  /** tokenizer_config.json, {} when there is none. */
  config: TokenizerConfig;
  /** Named special tokens. */
  special: SpecialTokens;
  /** Jinja text. */
  chatTemplate: string | null;
  /** Further special tokens, such as a template's stop words. */
  extra: readonly string[];
  /** Other files of the directory that are handed on, read when asked for. */
  otherFiles: () => Record<string, string | Uint8Array>;
}

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

  withChatTemplate(jinja: string | null): BpeTokenizer {
    return this.#with({ chatTemplate: jinja });
  }

  #with(change: Partial<Parts>): BpeTokenizer {
    return new BpeTokenizer({ ...this.#parts, ...change }, this.#engine);
  }

  files(): Record<string, string | Uint8Array> {
    const { json, special, chatTemplate, extra, otherFiles } = this.#parts;
    const { chat_template: _, additional_special_tokens, extra_special_tokens, ...config } =
      this.#parts.config;
    const lists = [additional_special_tokens, extra_special_tokens];
    const listed = [...new Set(lists.flatMap((list) => Array.isArray(list) ? list : []))];
    const named = Object.values(special);
    const more = [...listed, ...extra.filter((token) => !listed.includes(token) && !named.includes(token))];
    const additional = more.length === 0 ? {} : { additional_special_tokens: more };
    const known = Object.entries(special).filter(([, token]) => token !== null);
    const decoderTable = Object.fromEntries(
      json.added_tokens.toSorted((a, b) => a.id - b.id).map(({ id, ...token }) => [String(id), token]),
    );
    const text = (value: unknown) => JSON.stringify(value, null, 2) + "\n";
    return {
      ...otherFiles(),
      "tokenizer.json": JSON.stringify({ ...json, ...wholeTexts(json) }),
      "tokenizer_config.json": text({
        ...config,
        ...classKeys(config),
        // Where the key is missing or true, other readers take spaces off texts (findings/spaces_before_punctuation.sh).
        clean_up_tokenization_spaces: false,
        ...(isObject(extra_special_tokens) && { extra_special_tokens }),
        added_tokens_decoder: decoderTable,
        ...special,
        ...additional,
        ...(chatTemplate === null ? {} : { chat_template: chatTemplate }),
      }),
      "special_tokens_map.json": text({ ...Object.fromEntries(known), ...additional }),
      ...(chatTemplate === null ? {} : { "chat_template.jinja": chatTemplate }),
    };
  }
}

/**
 * Takes back what a call before saving left in the file (findings/saved_truncation.sh): the tokenizers library would cut and fill every text
 * by it, where transformers and this tokenizer don't.
 */
function wholeTexts({ truncation, padding }: TokenizerJson) {
  return { ...(truncation ? { truncation: null } : {}), ...(padding ? { padding: null } : {}) };
}

/**
 * Keys that transformers 4 and 5 read alike: 4 knows no class TokenizersBackend and no list `extra_special_tokens`, and its
 * PreTrainedTokenizerFast makes `token_type_ids`, which decoders refuse, unless the names of inputs are there.
 */
function classKeys({ tokenizer_class: name, model_input_names: inputs }: Readonly<Record<string, unknown>>) {
  const isOwn = typeof name === "string" && name !== "TokenizersBackend" &&
    name !== "PreTrainedTokenizerFast";
  return isOwn ? {} : {
    tokenizer_class: "PreTrainedTokenizerFast",
    model_input_names: inputs ?? ["input_ids", "attention_mask"],
  };
}

/** The same file with `tokens` as special added tokens; the object itself when they are that already. */
export function markSpecial(json: TokenizerJson, tokens: readonly string[]): TokenizerJson {
  const { vocab } = json.model;
  const added = new Map(json.added_tokens.map((token) => [token.content, token]));
  const nextId = () =>
    [...added.values()].reduce((free, token) => Math.max(free, token.id + 1), Object.keys(vocab).length);
  let changed = false;
  for (const content of tokens) {
    const old = added.get(content);
    if (old?.special || content === "") continue;
    changed = true;
    const id = old?.id ?? (Object.hasOwn(vocab, content) ? vocab[content]! : nextId());
    added.set(content, addedToken(content, id, { ...old, special: true }));
  }
  return changed ? { ...json, added_tokens: [...added.values()] } : json;
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
