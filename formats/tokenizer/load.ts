/**
 * Tokenizers from files: a Hugging Face directory, a tokenizer.json, a .gguf file, or the content of such files.
 * @module
 */
import { basename, dirname, join } from "@std/path";

import { BpeTokenizer, markSpecial, type Parts, type SpecialTokens } from "./bpe_tokenizer.ts";
import type { EditableTokenizer } from "./tokenizer.ts";
import {
  addedToken,
  checkTokenizerJson,
  isObject,
  type TokenizerConfig,
  type TokenizerJson,
} from "./tokenizer_json.ts";

/** Files of a directory that `files()` hands on besides the ones it writes itself. */
const OTHER_FILES = ["vocab.json", "merges.txt", "tokenizer.model"];

const NAMES = ["bos_token", "eos_token", "pad_token", "unk_token"] as const;

/**
 * Loads a tokenizer from a directory with tokenizer.json, from such a file (the files beside it are used too).
 * @param path Directory or file.
 * @throws {Deno.errors.NotFound} If there is no tokenizer.json.
 * @throws {SyntaxError} If a file isn't what it should be.
 * @throws {RangeError} If the tokenizer isn't BPE or has a part that isn't supported.
 */
export function loadTokenizerSync(path: string): EditableTokenizer {
  const isFile = Deno.statSync(path).isFile;
  const directory = isFile ? dirname(path) : path;
  const main = isFile ? basename(path) : "tokenizer.json";
  const read = (name: string): string | null => {
    try {
      return Deno.readTextFileSync(join(directory, name));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  };
  const text = read(main);
  if (text === null) {
    throw new Deno.errors.NotFound(
      `Cannot load a tokenizer from ${path}: there is no tokenizer.json. With an older model that has only tokenizer.model ` +
        `or vocab.json, save it once by transformers' AutoTokenizer, which writes tokenizer.json`,
    );
  }
  return fromTexts(join(directory, main), text, read, () => {
    const files: Record<string, Uint8Array> = {};
    for (const name of OTHER_FILES) {
      try {
        files[name] = Deno.readFileSync(join(directory, name));
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    return files;
  });
}

/**
 * A tokenizer from what {@linkcode EditableTokenizer.files} gave, for instance in a worker.
 * @throws {SyntaxError} If tokenizer.json is missing or wrong.
 */
export function tokenizerFromFiles(files: Record<string, string | Uint8Array>): EditableTokenizer {
  const read = (name: string) => {
    const content = files[name];
    return content === undefined
      ? null
      : typeof content === "string"
      ? content
      : new TextDecoder().decode(content);
  };
  const text = read("tokenizer.json");
  if (text === null) {
    throw new SyntaxError(
      `Cannot make a tokenizer: tokenizer.json is missing in ${Object.keys(files).join(", ")}`,
    );
  }
  return fromTexts(
    "tokenizer.json",
    text,
    read,
    () => Object.fromEntries(OTHER_FILES.filter((name) => name in files).map((name) => [name, files[name]!])),
  );
}

function fromTexts(
  name: string,
  text: string,
  read: (name: string) => string | null,
  otherFiles: Parts["otherFiles"],
): EditableTokenizer {
  const parse = (file: string, content: string | null): unknown => {
    if (content === null) return {};
    try {
      return JSON.parse(content);
    } catch (error) {
      throw new SyntaxError(`Cannot read ${file} as JSON: ${(error as Error).message}`);
    }
  };
  const json = checkTokenizerJson(parse(name, text), name);
  const config = parse("tokenizer_config.json", read("tokenizer_config.json"));
  const map = parse("special_tokens_map.json", read("special_tokens_map.json"));
  return tokenizerFromParts(
    json,
    isObject(config) ? config : {},
    isObject(map) ? map : {},
    read("chat_template.jinja"),
    otherFiles,
  );
}

/**
 * A tokenizer from parsed files. Special tokens come from the configuration, then from the map; those that tokenizer.json lacks
 * are added, as transformers does.
 * @param jinja chat_template.jinja, which goes before `chat_template` of the configuration.
 */
export function tokenizerFromParts(
  json: TokenizerJson,
  config: TokenizerConfig,
  map: Record<string, unknown> = {},
  jinja: string | null = null,
  otherFiles: Parts["otherFiles"] = () => ({}),
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
