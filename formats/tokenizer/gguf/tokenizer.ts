/**
 * The tokenizer in the metadata of a GGUF file (`tokenizer.ggml.*`), rebuilt as a tokenizer.json.
 *
 * Authority is llama.cpp (src/llama-vocab.cpp): its splitters by the name `tokenizer.ggml.pre`, and no normalisation, since
 * the format has no place for it (the original of a Qwen model composes characters, NFC, first).
 * @module
 */
import { item } from "../elements.ts";
import { shown } from "../message.ts";
import { tokenizerFromParts } from "./load_parts.ts";
import { GPT2_PATTERN, LLAMA3_PATTERN, O200K_PATTERN, QWEN2_PATTERN, TEKKEN_PATTERN } from "./patterns.ts";
import type { EditableTokenizer } from "./tokenizer.ts";
import { addedToken, type Component, type TokenizerJson } from "./tokenizer_json.ts";

/** Metadata as {@linkcode ../gguf/mod.ts} reads it. */
export type Metadata = ReadonlyMap<string, unknown>;

interface Splitter {
  patterns: readonly string[];
  ignoreMerges?: boolean;
  addBos?: boolean;
}

const GPT2: Splitter = { patterns: [GPT2_PATTERN] };
const DIGITS: Splitter = { patterns: ["\\p{N}", GPT2_PATTERN] };
const LLAMA3: Splitter = { patterns: [LLAMA3_PATTERN], ignoreMerges: true, addBos: true };
const QWEN2: Splitter = { patterns: [QWEN2_PATTERN] };

/** By `tokenizer.ggml.pre`. */
const SPLITTERS: ReadonlyMap<string, Splitter> = new Map([
  ["default", { patterns: ["[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2_PATTERN, "\\p{N}+", "[0-9][0-9][0-9]"] }],
  ["gpt-2", GPT2],
  ["gpt2", GPT2],
  ["olmo", GPT2],
  ["mpt", GPT2],
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

const NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER_DEFINED = 4;

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
const PHI3_KEEPING = ["<unk>", "<s>", "<|endoftext|>"];

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

/**
 * A tokenizer from metadata.
 * @param name Of the file, for messages.
 * @throws {SyntaxError} If keys are missing or of the wrong type.
 * @throws {RangeError} If its model or splitter isn't supported.
 */
export function tokenizerFromGguf(metadata: Metadata, name: string): EditableTokenizer {
  const model = metadata.get("tokenizer.ggml.model");
  const tokens = texts(metadata, "tokenizer.ggml.tokens", name);
  const types = numbers(metadata, "tokenizer.ggml.token_type", tokens.length, name) ??
    tokens.map(() => NORMAL);
  let json: TokenizerJson, addBos: boolean;
  if (model === "gpt2") {
    ({ json, addBos } = byteLevel(metadata, tokens, name));
  } else if (model === "llama") {
    const scores = numbers(metadata, "tokenizer.ggml.scores", tokens.length, name);
    if (scores === null) throw missing(name, "tokenizer.ggml.scores");
    json = sentencePiece(metadata, tokens, scores);
    addBos = true;
  } else {
    throw new RangeError(
      `Cannot use the tokenizer of ${name}: its tokenizer.ggml.model is ${
        JSON.stringify(model)
      }, supported are gpt2 and llama`,
    );
  }
  const strips = isCalledPhi3(metadata.get("general.name"));
  const added = tokens.flatMap((content, id) => {
    const type = item(types, id), rstrip = strips && !PHI3_KEEPING.includes(content);
    const special = type === CONTROL || type === UNKNOWN || ENDS.has(content);
    return special || type === USER_DEFINED ? [addedToken(content, id, { special, rstrip })] : [];
  });
  addBos = flag(metadata, "tokenizer.ggml.add_bos_token") ?? addBos;
  const defaults = model === "llama" ? { bos: 1, eos: 2, unknown: 0 } : {};
  const special = (key: "bos" | "eos" | "unknown" | "padding"): string | null => {
    const id = metadata.get(`tokenizer.ggml.${key}_token_id`) ?? (defaults as Record<string, number>)[key];
    return typeof id === "number" ? tokens[id] ?? null : null;
  };
  const addEos = flag(metadata, "tokenizer.ggml.add_eos_token") ?? false;
  const bos = special("bos"), eos = special("eos");
  const template = metadata.get("tokenizer.chat_template");
  const length = metadata.get(`${metadata.get("general.architecture")}.context_length`);
  return tokenizerFromParts(
    {
      ...json,
      added_tokens: added,
      post_processor: between(addBos ? bos : null, addEos ? eos : null, tokens),
    },
    {
      tokenizer_class: "PreTrainedTokenizerFast",
      add_bos_token: addBos,
      ...(addEos && { add_eos_token: true }),
      bos_token: bos,
      eos_token: eos,
      unk_token: special("unknown"),
      pad_token: special("padding"),
      clean_up_tokenization_spaces: false,
      ...(typeof length === "number" ? { model_max_length: length } : {}),
      ...(typeof template === "string" ? { chat_template: template } : {}),
    },
  );
}

function byteLevel(
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
  const merges = texts(metadata, "tokenizer.ggml.merges", name)
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

/** Merges of a SentencePiece vocabulary: every way to put a token together, tokens of higher score first. */
function sentencePiece(metadata: Metadata, tokens: string[], scores: number[]): TokenizerJson {
  const ids = vocabulary(tokens);
  const found: { left: number; right: number; score: number }[] = [];
  for (const [id, token] of tokens.entries()) {
    for (let cut = 1; cut < token.length; cut++) {
      const left = ids[token.slice(0, cut)], right = ids[token.slice(cut)];
      if (left !== undefined && right !== undefined) found.push({ left, right, score: item(scores, id) });
    }
  }
  found.sort((a, b) => b.score - a.score || a.left - b.left || a.right - b.right);
  const prefix = flag(metadata, "tokenizer.ggml.add_space_prefix") ?? true;
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

/** What stands before and behind a text; null where nothing does. */
function between(bos: string | null, eos: string | null, tokens: readonly string[]): Component | null {
  if (bos === null && eos === null) return null;
  const around = (letter: string, type: number) => [
    ...(bos === null ? [] : [{ SpecialToken: { id: bos, type_id: type } }]),
    { Sequence: { id: letter, type_id: type } },
    ...(eos === null ? [] : [{ SpecialToken: { id: eos, type_id: type } }]),
  ];
  const used = [bos, eos].filter((token) => token !== null);
  return {
    type: "TemplateProcessing",
    single: around("A", 0),
    pair: [...around("A", 0), ...around("B", 1)],
    special_tokens: Object.fromEntries(
      used.map((token) => [token, { id: token, ids: [tokens.indexOf(token)], tokens: [token] }]),
    ),
  };
}

/** The first id of a text that comes twice. */
function vocabulary(tokens: string[]): Record<string, number> {
  const ids: Record<string, number> = Object.create(null);
  for (let id = tokens.length - 1; id >= 0; id--) ids[item(tokens, id)] = id;
  return ids;
}

function texts(metadata: Metadata, key: string, name: string): string[] {
  const value = metadata.get(key);
  if (!Array.isArray(value)) throw missing(name, key);
  if (!value.every((item) => typeof item === "string")) {
    throw new SyntaxError(`Cannot use the tokenizer of ${name}: ${key} must be a list of texts`);
  }
  return value;
}

function numbers(metadata: Metadata, key: string, length: number, name: string): number[] | null {
  const value = metadata.get(key);
  if (value === undefined) return null;
  const list = ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<number>) : value;
  if (!Array.isArray(list) || list.length !== length || !list.every((item) => typeof item === "number")) {
    throw new SyntaxError(
      `Cannot use the tokenizer of ${name}: ${key} must be a list of ${length} numbers, one per token`,
    );
  }
  return list;
}

function flag(metadata: Metadata, key: string): boolean | null {
  const value = metadata.get(key);
  return typeof value === "boolean" ? value : null;
}

function missing(name: string, key: string): SyntaxError {
  return new SyntaxError(`Cannot use the tokenizer of ${name}: ${key} is missing or isn't a list`);
}
