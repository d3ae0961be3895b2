/**
 * The tokenizer in the metadata of a GGUF file (`tokenizer.ggml.*`), rebuilt as a tokenizer.json.
 *
 * Authority is llama.cpp (src/llama-vocab.cpp): its splitters by the name `tokenizer.ggml.pre`, and no normalisation, since
 * the format has no place for it (the original of a Qwen model composes characters, NFC, first).
 * @module
 */
import { item } from "../../elements.ts";
import { tokenizerFromParts } from "../load_parts.ts";
import type { EditableTokenizer } from "../tokenizer.ts";
import { addedToken, type Component, type TokenizerJson } from "../tokenizer_json.ts";
import { keyFlag, keyNumbers, keyTexts, type Metadata, missingKey } from "./metadata.ts";
import { byteLevel, sentencePiece } from "./models.ts";
import { isCalledPhi3, isEndInLlamaCpp, PHI3_KEEPING } from "./special_tokens.ts";

const NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER_DEFINED = 4;

/**
 * A tokenizer from metadata.
 * @param name Of the file, for messages.
 * @throws {SyntaxError} If keys are missing or of the wrong type.
 * @throws {RangeError} If its model or splitter isn't supported.
 */
export function tokenizerFromGguf(metadata: Metadata, name: string): EditableTokenizer {
  const model = metadata.get("tokenizer.ggml.model");
  const tokens = keyTexts(metadata, "tokenizer.ggml.tokens", name);
  const types = keyNumbers(metadata, "tokenizer.ggml.token_type", tokens.length, name) ??
    tokens.map(() => NORMAL);
  let json: TokenizerJson, addBos: boolean;
  if (model === "gpt2") {
    ({ json, addBos } = byteLevel(metadata, tokens, name));
  } else if (model === "llama") {
    const scores = keyNumbers(metadata, "tokenizer.ggml.scores", tokens.length, name);
    if (scores === null) throw missingKey(name, "tokenizer.ggml.scores");
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
    const special = type === CONTROL || type === UNKNOWN || isEndInLlamaCpp(content);
    return special || type === USER_DEFINED ? [addedToken(content, id, { special, rstrip })] : [];
  });
  addBos = keyFlag(metadata, "tokenizer.ggml.add_bos_token") ?? addBos;
  const defaults = model === "llama" ? { bos: 1, eos: 2, unknown: 0 } : {};
  const special = (key: "bos" | "eos" | "unknown" | "padding"): string | null => {
    const id = metadata.get(`tokenizer.ggml.${key}_token_id`) ?? (defaults as Record<string, number>)[key];
    return typeof id === "number" ? tokens[id] ?? null : null;
  };
  const addEos = keyFlag(metadata, "tokenizer.ggml.add_eos_token") ?? false;
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
