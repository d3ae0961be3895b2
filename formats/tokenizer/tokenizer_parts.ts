/**
 * The parts that a tokenizer is made of, and the files that it is written as.
 * @module
 */
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

/** Files that other programs load the same tokenizer from, by name. */
export function tokenizerFilesOf(parts: Parts): Record<string, string | Uint8Array> {
  const { json, special, chatTemplate, extra, otherFiles } = parts;
  const { chat_template: _, additional_special_tokens, extra_special_tokens, ...config } = parts.config;
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
  return withAdded(json, tokens, (old) => old?.special ? null : { ...old, special: true });
}

/**
 * The same file with `tokens` as added tokens that aren't special, as transformers' `add_tokens` makes them of texts: one of the vocabulary keeps its id, and
 * is found in any text from then on; one that is an added token already stays as it is.
 */
export function addPlain(json: TokenizerJson, tokens: readonly string[]): TokenizerJson {
  return withAdded(json, tokens, (old) => old === undefined ? { normalized: true } : null);
}

function withAdded(
  json: TokenizerJson,
  tokens: readonly string[],
  flagsOf: (old: AddedToken | undefined) => Partial<AddedToken> | null,
): TokenizerJson {
  const { vocab } = json.model;
  const added = new Map(json.added_tokens.map((token) => [token.content, token]));
  const nextId = () =>
    [...added.values()].reduce((free, token) => Math.max(free, token.id + 1), Object.keys(vocab).length);
  let changed = false;
  for (const content of tokens) {
    const old = added.get(content), flags = flagsOf(old);
    if (flags === null || content === "") continue;
    changed = true;
    const id = old?.id ?? (Object.hasOwn(vocab, content) ? vocab[content]! : nextId());
    added.set(content, addedToken(content, id, flags));
  }
  return changed ? { ...json, added_tokens: [...added.values()] } : json;
}
