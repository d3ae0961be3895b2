/**
 * Tokenizers that cut texts as transformers' class Qwen2Tokenizer, which puts its own parts in place of tokenizer.json's.
 * Source: Qwen2Tokenizer of transformers 5.24.0.
 * @module
 */
import { isDeepStrictEqual } from "node:util";

import { QWEN2_PATTERN } from "./patterns.ts";
import type { Tokenizer } from "./tokenizer.ts";
import type { Component } from "./tokenizer_json.ts";

/** Pre-tokenizers of that class. */
const QWEN2 = [
  { type: "Split", pattern: { Regex: QWEN2_PATTERN }, behavior: "Isolated", invert: false },
  { type: "ByteLevel", add_prefix_space: false, use_regex: false },
];

/**
 * False where a part of tokenizer.json differs from that class's, though some texts may be cut alike. A missing normalizer counts as its
 * NFC: GGUF files can't tell of one.
 */
export function splitsAsQwen2(tokenizer: Tokenizer): boolean {
  const { normalizer, pre_tokenizer } = JSON.parse(String(tokenizer.files()["tokenizer.json"])) as Record<
    string,
    Component | null
  >;
  return stepsOf(normalizer).every(({ type }) => type === "NFC") &&
    isDeepStrictEqual(stepsOf(pre_tokenizer), QWEN2);
}

/** Steps of a sequence, one in another included; `trim_offsets` moves no border of a token. */
function stepsOf(part: Component | null | undefined): Record<string, unknown>[] {
  if (!part) return [];
  if (part.type === "Sequence") {
    return ((part.normalizers ?? part.pretokenizers) as Component[]).flatMap(stepsOf);
  }
  const { trim_offsets: _, ...fields } = part;
  return [fields];
}
