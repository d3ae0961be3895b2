/**
 * A tokenizer from parsed files.
 * @module
 */
import { BpeTokenizer } from "./bpe_tokenizer.ts";
import { markSpecial, type Parts, type SpecialTokens } from "./tokenizer_parts.ts";
import type { EditableTokenizer } from "./tokenizer.ts";
import { addedToken, isObject, type TokenizerConfig, type TokenizerJson } from "./tokenizer_json.ts";

const NAMES = ["bos_token", "eos_token", "pad_token", "unk_token"] as const;

/** Files beside tokenizer.json and tokenizer_config.json. */
export interface FurtherFiles {
  /** special_tokens_map.json. */
  map?: Record<string, unknown>;
  /** chat_template.jinja, which goes before `chat_template` of the configuration. */
  jinja?: string | null;
  /** What is saved beside them. */
  otherFiles?: Parts["otherFiles"];
}

/**
 * A tokenizer from parsed files. Special tokens come from the configuration, then from the map; those that tokenizer.json lacks
 * are added, as transformers does.
 */
export function tokenizerFromParts(
  json: TokenizerJson,
  config: TokenizerConfig,
  { map = {}, jinja = null, otherFiles = () => ({}) }: FurtherFiles = {},
): EditableTokenizer {
  const special = Object.fromEntries(
    NAMES.map((name) => [name, tokenText(config[name]) ?? tokenText(map[name])]),
  ) as unknown as SpecialTokens;
  let whole = withConfigTokens(json, config.added_tokens_decoder);
  const extra = [config.additional_special_tokens, config.extra_special_tokens]
    .flatMap((list) => Array.isArray(list) ? list : [])
    .map(tokenText);
  whole = markSpecial(whole, [...Object.values(special), ...extra].filter((token) => token !== null));
  return new BpeTokenizer({
    json: whole,
    config,
    special,
    chatTemplate: jinja ?? templateText(config.chat_template),
    extra: [],
    otherFiles,
  });
}

/** Tokens that only tokenizer_config.json has. */
function withConfigTokens(json: TokenizerJson, table: unknown): TokenizerJson {
  if (!isObject(table)) return json;
  const have = new Set(json.added_tokens.map((token) => token.content));
  const more = Object.entries(table).flatMap(([id, token]) =>
    isObject(token) && typeof token.content === "string" && !have.has(token.content)
      ? [addedToken(token.content, Number(id), token)]
      : []
  );
  return more.length === 0 ? json : { ...json, added_tokens: [...json.added_tokens, ...more] };
}

function tokenText(value: unknown): string | null {
  if (typeof value === "string") return value;
  return isObject(value) && typeof value.content === "string" ? value.content : null;
}

/** A chat template is a text, or a list of named ones of which "default" is meant. */
function templateText(value: unknown): string | null {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return null;
  const found = value.find((item) => isObject(item) && item.name === "default");
  return isObject(found) && typeof found.template === "string" ? found.template : null;
}
