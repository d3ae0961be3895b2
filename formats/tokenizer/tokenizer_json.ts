/**
 * The fields read from tokenizer.json and tokenizer_config.json, the files of the `tokenizers` library and of transformers.
 * @module
 */
import { shown } from "../message.ts";

/** A part of the pipeline (normalizer, pre-tokenizer, post-processor, decoder): a type and its own fields. */
export interface Component {
  /** Such as "ByteLevel". */
  type: string;
  /** Fields of this type. */
  [field: string]: unknown;
}

/** A token that is found in a text before anything else happens to it. */
export interface AddedToken {
  /** ≥ 0. */
  id: number;
  /** Text that is this token. */
  content: string;
  /** Only where no letter or digit stands beside it. */
  single_word: boolean;
  /** White space before it belongs to it. */
  lstrip: boolean;
  /** White space behind it belongs to it. */
  rstrip: boolean;
  /** Searched in the normalised text. */
  normalized: boolean;
  /** Left out when decoding with `skipSpecial`. */
  special: boolean;
}

/** The `model` of a tokenizer.json of type BPE. */
export interface BpeModelJson {
  /** Always BPE. */
  type: "BPE";
  /** Ids by token. */
  vocab: Record<string, number>;
  /** Pairs, the first is merged first. */
  merges: readonly (string | readonly [string, string])[];
  /** Stands for what the vocabulary lacks. */
  unk_token?: string | null;
  /** Must be empty. */
  continuing_subword_prefix?: string | null;
  /** Must be empty. */
  end_of_word_suffix?: string | null;
  /** Ignored: it is for training tokenizers. */
  dropout?: number | null;
  /** Unknown tokens in a row become one. */
  fuse_unk?: boolean;
  /** Unknown characters become tokens such as `<0x0A>`. */
  byte_fallback?: boolean;
  /** A whole word of the vocabulary is taken without merging. */
  ignore_merges?: boolean;
}

/** A whole tokenizer.json. */
export interface TokenizerJson {
  /** "1.0". */
  version?: string;
  /** Tokens found before the model sees a text. */
  added_tokens: AddedToken[];
  /** Changes a text. */
  normalizer: Component | null;
  /** Cuts a text into words. */
  pre_tokenizer: Component | null;
  /** Puts tokens around a text. */
  post_processor: Component | null;
  /** Makes a text of tokens. */
  decoder: Component | null;
  /** Vocabulary and merges. */
  model: BpeModelJson;
  /** Others are handed on. */
  [field: string]: unknown;
}

/** tokenizer_config.json: free-form, a few fields of it are read. */
export type TokenizerConfig = Record<string, unknown>;

/** An error about a part that isn't supported, with what is. */
export function unsupported(part: string, type: unknown, known: readonly string[]): Error {
  return new RangeError(
    `Cannot use tokenizer.json: its ${part} is of type ${shown(type)}, supported are ${known.join(", ")}`,
  );
}

/**
 * Checks the outline of a parsed tokenizer.json.
 * @throws {SyntaxError} If a part is missing or of the wrong type.
 * @throws {RangeError} If the model isn't BPE, or uses what no language model of the supported families has.
 */
export function checkTokenizerJson(value: unknown, name: string): TokenizerJson {
  const wrong = (need: string, is: unknown) =>
    new SyntaxError(
      `Cannot read ${name} as a tokenizer.json: ${need}, current value is ${
        JSON.stringify(is)?.slice(0, 80)
      }`,
    );
  if (!isObject(value)) throw wrong("the file must hold an object", value);
  const model = value.model;
  if (!isObject(model)) throw wrong("model must be an object", model);
  // files older than 2020 leave the type out
  const type = model.type ?? ("merges" in model ? "BPE" : undefined);
  if (type !== "BPE") throw unsupported("model", type, ["BPE"]);
  if (!isObject(model.vocab)) throw wrong("model.vocab must be an object", model.vocab);
  if (!Array.isArray(model.merges)) throw wrong("model.merges must be a list", model.merges);
  for (const key of ["continuing_subword_prefix", "end_of_word_suffix"]) {
    if (model[key]) throw unsupported(`model.${key}`, model[key], ['""', "null"]);
  }
  const added = value.added_tokens ?? [];
  if (!Array.isArray(added)) throw wrong("added_tokens must be a list", added);
  const tokens = added.map((token, index): AddedToken => {
    if (!isObject(token) || typeof token.content !== "string" || !Number.isInteger(token.id)) {
      throw wrong(`added_tokens[${index}] must have a content and an id`, token);
    }
    return addedToken(token.content, token.id as number, token);
  });
  const component = (key: string): Component | null => {
    const part = value[key] ?? null;
    if (part !== null && !(isObject(part) && typeof part.type === "string")) {
      throw wrong(`${key} must be null or an object with a type`, part);
    }
    return part as Component | null;
  };
  return {
    ...value,
    added_tokens: tokens,
    normalizer: component("normalizer"),
    pre_tokenizer: component("pre_tokenizer"),
    post_processor: component("post_processor"),
    decoder: component("decoder"),
    model: { ...model, type: "BPE" } as unknown as BpeModelJson,
  };
}

/** An added token with the library's defaults for what `flags` leaves out. */
export function addedToken(content: string, id: number, flags: Record<string, unknown> = {}): AddedToken {
  return {
    id,
    content,
    single_word: flags.single_word === true,
    lstrip: flags.lstrip === true,
    rstrip: flags.rstrip === true,
    normalized: flags.normalized === true,
    special: flags.special === true,
  };
}

/** True if a parsed JSON value is an object (no array). */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
