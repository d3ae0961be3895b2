/**
 * Tokenizers from files: a Hugging Face directory, a tokenizer.json, a .gguf file, or the content of such files.
 * @module
 */
import { basename, dirname, join } from "@std/path";

import { GgufFile } from "../gguf/mod.ts";
import { notTheFile } from "../not_the_file.ts";
import type { Parts } from "./tokenizer_parts.ts";
import { tokenizerFromGguf } from "./gguf/tokenizer.ts";
import { tokenizerFromParts } from "./load_parts.ts";
import type { EditableTokenizer } from "./tokenizer.ts";
import { checkTokenizerJson, isObject } from "./tokenizer_json.ts";

/** Files of a directory that `files()` hands on besides the ones it writes itself. */
const OTHER_FILES = ["vocab.json", "merges.txt", "tokenizer.model"];

/**
 * Loads a tokenizer from a directory with tokenizer.json, from such a file (the files beside it are used too), or from the
 * metadata of a .gguf file.
 * @param path Directory or file.
 * @throws {Deno.errors.NotFound} If there is no tokenizer.json.
 * @throws {SyntaxError} If a file isn't what it should be.
 * @throws {RangeError} If the tokenizer isn't BPE or has a part that isn't supported.
 */
export function loadTokenizerSync(path: string): EditableTokenizer {
  const isFile = Deno.statSync(path).isFile;
  if (isFile && path.toLowerCase().endsWith(".gguf")) {
    using file = new GgufFile(path);
    return tokenizerFromGguf(file.metadata, path);
  }
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
      throw new SyntaxError(
        `Cannot read ${file} as JSON: ${notTheFile(content) ?? (error as Error).message}`,
      );
    }
  };
  const json = checkTokenizerJson(parse(name, text), name);
  const config = parse("tokenizer_config.json", read("tokenizer_config.json"));
  const map = parse("special_tokens_map.json", read("special_tokens_map.json"));
  return tokenizerFromParts(
    json,
    isObject(config) ? config : {},
    { map: isObject(map) ? map : {}, jinja: read("chat_template.jinja"), otherFiles },
  );
}
