/**
 * What is read of tokenizer.json and tokenizer_config.json, the files of the `tokenizers` library and of transformers.
 * @module
 */

/** A part of the pipeline (normalizer, pre-tokenizer, post-processor, decoder): a type and its own fields. */
export interface Component {
  type: string;
  [field: string]: unknown;
}

/** A token that is found in a text before anything else happens to it. */
export interface AddedToken {
  id: number;
  content: string;
  single_word: boolean;
  lstrip: boolean;
  rstrip: boolean;
  normalized: boolean;
  special: boolean;
}

/** The `model` of a tokenizer.json of type BPE. */
export interface BpeModelJson {
  type: "BPE";
  vocab: Record<string, number>;
  merges: readonly (string | readonly [string, string])[];
  unk_token?: string | null;
  continuing_subword_prefix?: string | null;
  end_of_word_suffix?: string | null;
  dropout?: number | null;
  fuse_unk?: boolean;
  byte_fallback?: boolean;
  ignore_merges?: boolean;
}

/** A whole tokenizer.json. */
export interface TokenizerJson {
  version?: string;
  added_tokens: AddedToken[];
  normalizer: Component | null;
  pre_tokenizer: Component | null;
  post_processor: Component | null;
  decoder: Component | null;
  model: BpeModelJson;
  [field: string]: unknown;
}

/** tokenizer_config.json: free-form, a few fields of it are read. */
export type TokenizerConfig = Record<string, unknown>;

/** An error about a part that isn't supported, with what is. */
export function unsupported(part: string, type: unknown, known: readonly string[]): Error {
  return new RangeError(
    `Cannot use tokenizer.json: its ${part} is of type ${JSON.stringify(type)}, supported are ${
      known.join(", ")
    }`,
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

/** Whether a parsed JSON value is an object (no array). */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
