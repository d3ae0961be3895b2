/**
 * Splitters of llama.cpp by the name `tokenizer.ggml.pre` (src/llama-vocab.cpp).
 * @module
 */
import { GPT2_PATTERN, LLAMA3_PATTERN, O200K_PATTERN, QWEN2_PATTERN, TEKKEN_PATTERN } from "../patterns.ts";

/** How llama.cpp cuts a text before merges. */
export interface Splitter {
  /** Applied in turn. */
  patterns: readonly string[];
  /** True: a word that is a token is taken whole. */
  ignoreMerges?: boolean;
  /** True: a text begins with bos where the file says nothing of it. */
  addBos?: boolean;
}

const GPT2: Splitter = { patterns: [GPT2_PATTERN] };
const DIGITS: Splitter = { patterns: ["\\p{N}", GPT2_PATTERN] };
const LLAMA3: Splitter = { patterns: [LLAMA3_PATTERN], ignoreMerges: true, addBos: true };
/** DeepSeek-V3's, which Hunyuan's small models have. */
const DEEPSEEK3: Splitter = {
  patterns: [
    "\\p{N}{1,3}",
    "[一-龥぀-ゟ゠-ヿ]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  ],
};
const QWEN2: Splitter = { patterns: [QWEN2_PATTERN] };

/** By `tokenizer.ggml.pre`. */
export const SPLITTERS: ReadonlyMap<string, Splitter> = new Map([
  ["default", { patterns: ["[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2_PATTERN, "\\p{N}+", "[0-9][0-9][0-9]"] }],
  ["gpt-2", GPT2],
  ["gpt2", GPT2],
  ["olmo", GPT2],
  ["mpt", GPT2],
  ["exaone4", GPT2],
  ["smollm", DIGITS],
  ["starcoder", DIGITS],
  ["refact", DIGITS],
  ["command-r", DIGITS],
  ["exaone", DIGITS],
  ["codeshell", DIGITS],
  ["llama3", LLAMA3],
  ["llama-v3", LLAMA3],
  ["llama-bpe", LLAMA3],
  ["falcon3", LLAMA3],
  ["dbrx", { patterns: [LLAMA3_PATTERN] }],
  ["smaug-bpe", { patterns: [LLAMA3_PATTERN] }],
  ["chatglm-bpe", { patterns: [LLAMA3_PATTERN] }],
  ["glm4", { patterns: [LLAMA3_PATTERN] }],
  ["qwen2", QWEN2],
  ["deepseek-r1-qwen", QWEN2],
  ["hunyuan", QWEN2],
  ["hunyuan-dense", DEEPSEEK3],
  ["stablelm2", QWEN2],
  ["gpt-4o", { patterns: [O200K_PATTERN] }],
  ["tekken", { patterns: [TEKKEN_PATTERN], ignoreMerges: true, addBos: true }],
]);

/** Names that llama.cpp's converter gives; others of the table are older names of the same. */
const WRITTEN = ["gpt-2", "smollm", "llama-bpe", "dbrx", "qwen2", "gpt-4o", "tekken"];

/** The name under which a file asks for the splitter of these patterns, applied in turn; null: there is none. */
export function namedSplitter(patterns: readonly string[], ignoreMerges: boolean): string | null {
  return WRITTEN.find((name) => {
    const splitter = SPLITTERS.get(name);
    return splitter?.patterns.join("\0") === patterns.join("\0") &&
      (splitter.ignoreMerges ?? false) === ignoreMerges;
  }) ?? null;
}
