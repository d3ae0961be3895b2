/**
 * A tokenizer as the metadata of a GGUF file (`tokenizer.ggml.*`), the reverse of `tokenizer.ts`. Names and numbers are
 * those of llama.cpp's converter and loader (src/llama-vocab.cpp).
 * @module
 */
import { shown } from "../../message.ts";
import { ggufTokenizerLosses } from "./losses.ts";
import { stripsAsPhi3 } from "./special_tokens.ts";
import { namedSplitter } from "./splitters.ts";
import { GPT2_PATTERN } from "../patterns.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { checkTokenizerJson, type Component, isObject, type TokenizerJson } from "../tokenizer_json.ts";

/** Keys behind `tokenizer.`; lists have one entry a row of the embedding. */
export interface GgufTokenizerKeys {
  /** `gpt2` (bytes) or `llama` (SentencePiece). */
  model: "gpt2" | "llama";
  /** Splitter's name; null with `llama`. */
  pre: string | null;
  /** Texts; rows without a token are `[PADn]`. */
  tokens: string[];
  /** 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte. */
  types: Int32Array;
  /** "left right"; null with `llama`. */
  merges: string[] | null;
  /** Scores of pieces; null with `gpt2`. */
  scores: Float32Array | null;
  /** True if a text begins with bos. */
  addBos: boolean;
  /** True if a text ends with eos. */
  addEos: boolean;
  /** True if a text gets a space in front (`llama` only). */
  addSpacePrefix: boolean;
  /** True if llama.cpp drops white space behind special tokens as the tokenizer does only in a file whose name has phi-3. */
  needsPhi3Name: boolean;
  /** Sentences about texts that llama.cpp cuts otherwise. */
  losses: string[];
}

const NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER_DEFINED = 4, UNUSED = 5, BYTE = 6;

/**
 * Makes the keys.
 * @param rows Of the embedding
 * @throws {RangeError} If the tokenizer has more tokens than rows or two of the same text, or llama.cpp has no splitter that cuts as it does
 */
export function ggufTokenizerKeys(tokenizer: Tokenizer, rows: number): GgufTokenizerKeys {
  const text = tokenizer.files()["tokenizer.json"];
  const parsed: unknown = JSON.parse(typeof text === "string" ? text : new TextDecoder().decode(text));
  const json = checkTokenizerJson(parsed, "tokenizer.json");
  if (tokenizer.vocabSize > rows) {
    throw new RangeError(
      `Cannot write the tokenizer into a GGUF file as each token needs a row of the embedding, which has ${rows}: ` +
        `current value is ${tokenizer.vocabSize} tokens`,
    );
  }
  const tokens = Array.from({ length: rows }, (_, id) => `[PAD${id}]`);
  const types = new Int32Array(rows).fill(UNUSED);
  for (const [token, id] of Object.entries(json.model.vocab)) {
    tokens[id] = token;
    types[id] = NORMAL;
  }
  const isByteLevel = stepsOf(json.pre_tokenizer).some(({ type }) => type === "ByteLevel");
  if (!isByteLevel) markBytes(tokens, types, json);
  for (const { id, content, special } of json.added_tokens) {
    tokens[id] = content;
    types[id] = !isByteLevel && content === json.model.unk_token
      ? UNKNOWN
      : special || looksSpecial(content)
      ? CONTROL
      : !isByteLevel && /^▁+$/.test(content) && Object.hasOwn(json.model.vocab, content)
      // llama.cpp writes a piece's "▁" as a space, and a user-defined token as it stands
      ? NORMAL
      : USER_DEFINED;
  }
  checkTexts(tokens);
  const pairs = json.model.merges.map((merge) => typeof merge === "string" ? merge.split(" ") : merge);
  const puts = (id: number | null, place: 0 | -1) =>
    id !== null && hasAt(json.post_processor, place, tokenizer.idToToken(id));
  const ends = { addBos: puts(tokenizer.bosId, 0), addEos: puts(tokenizer.eosId, -1) };
  const needsPhi3Name = stripsAsPhi3(json.added_tokens);
  const common = { tokens, types, ...ends, needsPhi3Name, losses: ggufTokenizerLosses(json) };
  if (!isByteLevel) {
    const scores = scoresOf(tokens, pairs);
    return { ...common, model: "llama", pre: null, merges: null, scores, addSpacePrefix: hasPrefix(json) };
  }
  const merges = pairs.map(([left, right]) => `${left} ${right}`);
  return { ...common, model: "gpt2", pre: preOf(json), merges, scores: null, addSpacePrefix: false };
}

/** llama.cpp ends the process at a file with two tokens of one text (`id_to_token.size() == token_to_id.size()`). */
function checkTexts(tokens: readonly string[]): void {
  const ids = new Map<string, number>();
  tokens.forEach((token, id) => {
    const first = ids.get(token);
    if (first !== undefined) {
      throw new RangeError(
        `Cannot write the tokenizer into a GGUF file as llama.cpp needs another text for each token: current value is ${
          shown(token)
        } for both ${first} and ${id}; leave one of them out of tokenizer.json`,
      );
    }
    ids.set(token, id);
  });
}

/** Tokens that llama.cpp's converter takes for control tokens though a tokenizer.json doesn't mark them (`does_token_look_special`). */
function looksSpecial(token: string): boolean {
  return ["<pad>", "<mask>", "<2mass>", "[@BOS@]"].includes(token) ||
    /^(<\|.*\|>|<｜.*｜>|<unused.*>)$/su.test(token);
}

/** Name of the splitter that cuts a text as the pre-tokenizer does. */
function preOf(json: TokenizerJson): string {
  const patterns = stepsOf(json.pre_tokenizer).flatMap(patternOf);
  const name = namedSplitter(patterns, json.model.ignore_merges === true);
  if (name !== null) return name;
  throw new RangeError(
    `Cannot write the tokenizer into a GGUF file as llama.cpp has no splitter for its patterns: current value is ${
      shown(patterns, 300)
    }`,
  );
}

function stepsOf(part: Component | null): Component[] {
  if (part === null) return [];
  return part.type === "Sequence" ? (part.pretokenizers as Component[]).flatMap(stepsOf) : [part];
}

function patternOf(part: Component): string[] {
  switch (part.type) {
    case "Split": {
      const { pattern, behavior, invert } = part;
      const isPlain = isObject(pattern) && typeof pattern.Regex === "string" && behavior === "Isolated" &&
        invert !== true;
      return [isPlain ? pattern.Regex as string : JSON.stringify(part)];
    }
    case "Digits":
      return [part.individual_digits === true ? "\\p{N}" : "\\p{N}+"];
    case "ByteLevel":
      if (part.add_prefix_space === true) return [JSON.stringify(part)];
      return part.use_regex === false ? [] : [GPT2_PATTERN];
    default:
      return [JSON.stringify(part)];
  }
}

/** Pieces for bytes that the vocabulary lacks, such as `<0x0A>`. */
function markBytes(tokens: readonly string[], types: Int32Array, { model }: TokenizerJson): void {
  if (model.byte_fallback !== true) return;
  tokens.forEach((token, id) => {
    if (/^<0x[0-9A-F]{2}>$/.test(token)) types[id] = BYTE;
  });
}

/** A piece's score is minus the rank of the merge that makes it: llama.cpp joins the pair of the best score first. */
function scoresOf(tokens: readonly string[], pairs: readonly (readonly string[])[]): Float32Array {
  const ranks = new Map<string, number>();
  pairs.forEach(([left = "", right = ""], rank) => {
    if (!ranks.has(left + right)) ranks.set(left + right, rank);
  });
  return Float32Array.from(tokens, (token) => -(ranks.get(token) ?? pairs.length));
}

function hasPrefix({ normalizer, pre_tokenizer }: TokenizerJson): boolean {
  const steps = normalizer?.type === "Sequence" ? normalizer.normalizers as Component[] : [normalizer];
  return steps.some((step) => step?.type === "Prepend") ||
    stepsOf(pre_tokenizer).some(({ type, prepend_scheme, add_prefix_space }) =>
      type === "Metaspace" && prepend_scheme !== "never" && add_prefix_space !== false
    );
}

/** True if a post-processor puts a token in front of a text (0) or behind it (-1). */
function hasAt(part: Component | null, place: 0 | -1, token: string | null): boolean {
  if (part === null) return false;
  if (part.type === "Sequence") {
    return (part.processors as Component[]).some((step) => hasAt(step, place, token));
  }
  const piece = Array.isArray(part.single) ? part.single.at(place) : undefined;
  return isObject(piece) && isObject(piece.SpecialToken) && piece.SpecialToken.id === token;
}
