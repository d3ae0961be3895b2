/**
 * Vocabularies of GGUF files as the model, splitter and decoder of a tokenizer.json.
 * @module
 */
import { item } from "../../elements.ts";
import { shown } from "../../message.ts";
import type { Component, TokenizerJson } from "../tokenizer_json.ts";
import { keyFlag, keyTexts, type Metadata } from "./metadata.ts";
import { SPLITTERS } from "./splitters.ts";

const EMPTY = {
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
};

const MODEL = {
  type: "BPE" as const,
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  fuse_unk: false,
  byte_fallback: false,
  ignore_merges: false,
};

/** A byte-level vocabulary with its merges and splitter. @throws {RangeError} If the splitter isn't known @throws {SyntaxError} If merges are missing */
export function byteLevel(
  metadata: Metadata,
  tokens: string[],
  name: string,
): { json: TokenizerJson; addBos: boolean } {
  // a file without the key is older than the key; llama.cpp takes "default" then
  const pre = metadata.get("tokenizer.ggml.pre") ?? "default";
  const splitter = SPLITTERS.get(String(pre));
  if (splitter === undefined) {
    throw new RangeError(
      `Cannot use the tokenizer of ${name}: its tokenizer.ggml.pre is ${shown(pre)}, supported are ${
        [...SPLITTERS.keys()].join(", ")
      }. Load the model from its Hugging Face directory instead`,
    );
  }
  const split = (pattern: string): Component => ({
    type: "Split",
    pattern: { Regex: pattern },
    behavior: "Isolated",
    invert: false,
  });
  const known = new Set(tokens);
  const merges = keyTexts(metadata, "tokenizer.ggml.merges", name)
    .map((merge): [string, string] => {
      const space = merge.indexOf(" ", 1);
      return [merge.slice(0, space), merge.slice(space + 1)];
    })
    .filter(([left, right]) => known.has(left) && known.has(right) && known.has(left + right));
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
  return {
    addBos: splitter.addBos ?? false,
    json: {
      ...EMPTY,
      pre_tokenizer: { type: "Sequence", pretokenizers: [...splitter.patterns.map(split), byteLevel] },
      decoder: byteLevel,
      model: {
        ...MODEL,
        vocab: vocabulary(tokens),
        merges,
        ignore_merges: splitter.ignoreMerges ?? false,
      },
    },
  };
}

/** A SentencePiece vocabulary; its merges are every way to put a token together, tokens of higher score first. */
export function sentencePiece(metadata: Metadata, tokens: string[], scores: number[]): TokenizerJson {
  const ids = vocabulary(tokens);
  const found: { left: number; right: number; score: number }[] = [];
  for (const [id, token] of tokens.entries()) {
    for (let cut = 1; cut < token.length; cut++) {
      const left = ids[token.slice(0, cut)], right = ids[token.slice(cut)];
      if (left !== undefined && right !== undefined) found.push({ left, right, score: item(scores, id) });
    }
  }
  found.sort((a, b) => b.score - a.score || a.left - b.left || a.right - b.right);
  const prefix = keyFlag(metadata, "tokenizer.ggml.add_space_prefix") ?? true;
  const replace = { type: "Replace", pattern: { String: " " }, content: "▁" };
  return {
    ...EMPTY,
    normalizer: {
      type: "Sequence",
      normalizers: prefix ? [{ type: "Prepend", prepend: "▁" }, replace] : [replace],
    },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(prefix ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      ...MODEL,
      vocab: ids,
      merges: found.map(({ left, right }) => [item(tokens, left), item(tokens, right)] as const),
      unk_token: tokens[Number(metadata.get("tokenizer.ggml.unknown_token_id") ?? 0)] ?? null,
      fuse_unk: true,
      byte_fallback: true,
    },
  };
}

/** The first id of a text that comes twice. */
function vocabulary(tokens: string[]): Record<string, number> {
  const ids: Record<string, number> = Object.create(null);
  for (let id = tokens.length - 1; id >= 0; id--) ids[item(tokens, id)] = id;
  return ids;
}
