/**
 * Tokens that llama.cpp treats in its own way by their text or the file's name: ends of answers, and those of Phi-3.
 * @module
 */
import type { Metadata } from "./metadata.ts";

/**
 * Ends that llama.cpp knows by their text, and takes for control tokens regardless of their type; each was asked for alone (node-llama-cpp 3.22.1). It knows
 * those of families that aren't read here too, some of infilling (`<|fim_pad|>`, `<|file_sep|>`, …), and `</s>`, which is text in byte-level vocabularies.
 */
const ENDS = new Set([
  "<|eot_id|>",
  "<|im_end|>",
  "<|end|>",
  "<end_of_turn>",
  "<|endoftext|>",
  "<|end_of_text|>",
  "<|eom_id|>",
  "<EOT>",
  "_<EOT>",
  "[EOT]",
  "[EOS]",
  "<end_of_utterance>",
  "<eos>",
]);

/** Tokens of Phi-3 behind which white space stays; llama.cpp loads a file of a name with phi-3 only if it has them and `</s>`. */
export const PHI3_KEEPING = ["<unk>", "<s>", "<|endoftext|>"];

/**
 * True if llama.cpp drops white space behind a file's special tokens: it goes by `general.name`, whatever the architecture is
 * (findings/name_that_cuts_text.sh).
 */
export function isCalledPhi3(name: unknown): boolean {
  return typeof name === "string" && /phi-?3/i.test(name);
}

/** True if all added tokens drop white space behind them, or keep it, as llama.cpp has it in a file that {@linkcode isCalledPhi3}. */
export function stripsAsPhi3(tokens: readonly { content: string; rstrip: boolean }[]): boolean {
  const texts = new Set(tokens.map(({ content }) => content));
  return ["</s>", ...PHI3_KEEPING].every((token) => texts.has(token)) &&
    tokens.every(({ content, rstrip }) => rstrip === !PHI3_KEEPING.includes(content));
}

/** True if llama.cpp ends an answer at the token by its text, whatever keys a file has. */
export function isEndInLlamaCpp(token: string | null): boolean {
  return token !== null && ENDS.has(token);
}

/** Ids, ascending, of tokens that end an answer by their text, as {@linkcode isEndInLlamaCpp} says; none without a vocabulary. */
export function ggufEndIds(metadata: Metadata): number[] {
  const tokens = metadata.get("tokenizer.ggml.tokens");
  if (!Array.isArray(tokens)) return [];
  return tokens.flatMap((token, id) => isEndInLlamaCpp(token) ? [id] : []);
}
