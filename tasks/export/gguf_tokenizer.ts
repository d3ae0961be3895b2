/**
 * Tokenizer and chat template as keys of a GGUF file.
 * @module
 */
import type { GgufTyped } from "../../formats/gguf/mod.ts";
import {
  type GgufTokenizerKeys,
  ggufTokenizerKeys,
  isCalledPhi3,
  isEndInLlamaCpp,
  type Tokenizer,
} from "../../formats/tokenizer/mod.ts";
import { generationConfig } from "./safetensors.ts";
import type { ExportSource } from "./source/source.ts";

/**
 * The base's own keys where it is a GGUF file, else those of tokenizer.json; template and end token are what is written.
 * @returns The keys, remarks on texts that llama.cpp cuts otherwise than tokenizer.json, and whether it cuts them so only in a file whose name has phi-3
 * @throws {TypeError} If there is no tokenizer
 */
export function tokenizerKeys(
  source: ExportSource,
): { keys: [string, GgufTyped][]; notes: string[]; needsPhi3Name: boolean } {
  const { model, chatTemplate, decoder } = source, tokenizer = writtenTokenizer(source);
  const made = model.metadata === null ? ggufTokenizerKeys(tokenizer, decoder.vocabSize) : null;
  const keys = new Map<string, GgufTyped>(
    made === null
      ? lengthened(copiedTokenizer(model.metadata ?? new Map()), tokenizer, decoder.vocabSize)
      : typedKeys(made, tokenizer.unkId),
  );
  const { ids, left } = specialIds(source, tokenizer);
  for (const [key, id] of Object.entries(ids)) {
    if (id !== null && id < decoder.vocabSize) {
      keys.set(`tokenizer.ggml.${key}_token_id`, { type: "u32", value: id });
    }
  }
  if (chatTemplate !== null) keys.set("tokenizer.chat_template", { type: "string", value: chatTemplate });
  const lost = left.length === 0
    ? []
    : [`a GGUF file has places for three end tokens: llama.cpp writes on behind ${left.join(", ")}`];
  return {
    keys: [...keys],
    notes: [...made?.losses ?? [], ...lost],
    needsPhi3Name: made?.needsPhi3Name ?? isCalledPhi3(model.metadata?.get("general.name")),
  };
}

/**
 * The tokenizer's special tokens, and where it names none those of the model's configuration, as llama.cpp's converter takes them: without an end token
 * llama.cpp takes 11, or 2, for one. Further end tokens that llama.cpp doesn't know by their text are those of a turn and of a message.
 */
function specialIds(source: ExportSource, tokenizer: Tokenizer): {
  ids: Record<"bos" | "eos" | "eot" | "eom" | "padding", number | null>;
  left: number[];
} {
  const config = generationConfig(source);
  const isToken = (id: unknown): id is number =>
    Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < source.decoder.vocabSize;
  // some configurations have -1 for none
  const known = (id: unknown) => isToken(id) ? id : null;
  const ends = [config.eos_token_id].flat().filter(isToken);
  const first = source.decoder.eosTokenIds.find((id) => ends.includes(id)) ?? ends[0];
  const eos = tokenizer.eosId ?? first ?? null;
  // the keys of a GGUF file are copied
  const [eot = null, eom = null, ...left] = source.model.metadata !== null
    ? []
    : ends.filter((id) => id !== eos && !isEndInLlamaCpp(tokenizer.idToToken(id)));
  return {
    ids: {
      bos: tokenizer.bosId ?? known(config.bos_token_id),
      eos,
      eot,
      eom,
      padding: tokenizer.padId ?? known(config.pad_token_id),
    },
    left,
  };
}

/** There is one: `openSource` refuses this format otherwise. */
function writtenTokenizer({ tokenizer }: ExportSource): Tokenizer {
  if (tokenizer === null) throw new TypeError("Cannot write a GGUF model without a tokenizer");
  return tokenizer;
}

function typedKeys(made: GgufTokenizerKeys, unknown: number | null): [string, GgufTyped][] {
  const key = (name: string, value: GgufTyped): [string, GgufTyped] => [`tokenizer.ggml.${name}`, value];
  return [
    key("model", { type: "string", value: made.model }),
    ...(made.pre === null ? [] : [key("pre", { type: "string", value: made.pre })]),
    key("tokens", { type: "strings", value: made.tokens }),
    ...(made.scores === null ? [] : [key("scores", { type: "f32s", value: made.scores })]),
    key("token_type", { type: "i32s", value: made.types }),
    ...(made.merges === null ? [] : [key("merges", { type: "strings", value: made.merges })]),
    ...(unknown === null ? [] : [key("unknown_token_id", { type: "u32", value: unknown })]),
    key("add_bos_token", { type: "bool", value: made.addBos }),
    key("add_eos_token", { type: "bool", value: made.addEos }),
    ...(made.model === "llama"
      ? [key("add_space_prefix", { type: "bool", value: made.addSpacePrefix })]
      : []),
  ];
}

function copiedTokenizer(metadata: ReadonlyMap<string, unknown>): [string, GgufTyped][] {
  return [...metadata].filter(([key]) => key.startsWith("tokenizer.")).map(([key, value]) => {
    if (typeof value === "string") return [key, { type: "string", value }];
    if (typeof value === "boolean") return [key, { type: "bool", value }];
    if (typeof value === "number") return [key, { type: Number.isInteger(value) ? "u32" : "f32", value }];
    if (Array.isArray(value) && value.every((part) => typeof part === "string")) {
      return [key, { type: "strings", value: value as string[] }];
    }
    const numbers = Array.from(value as ArrayLike<number>, Number);
    return [key, { type: key.endsWith(".scores") ? "f32s" : "i32s", value: numbers }];
  });
}

/** llama.cpp's types of tokens, and the scores that its converter gives pieces behind a vocabulary. */
const CONTROL = 3, USER_DEFINED = 4, UNUSED = 5, ADDED_SCORE = -1000, UNUSED_SCORE = -10000;

/** A GGUF file's lists have an entry a row of its embedding: where an adapter has more rows, its tokenizer's tokens come behind. */
function lengthened(
  keys: readonly [string, GgufTyped][],
  tokenizer: Tokenizer,
  rows: number,
): [string, GgufTyped][] {
  /** Entries behind `list`, of tokens and of rows without one. */
  const behind = <T>(list: ArrayLike<unknown>, of: (id: number, token: string | null) => T): T[] =>
    Array.from({ length: Math.max(0, rows - list.length) }, (_, i) => {
      const id = list.length + i;
      return of(id, tokenizer.idToToken(id));
    });
  const typeOf = (id: number, token: string | null) => {
    if (token === null) return UNUSED;
    return tokenizer.specialIds.has(id) ? CONTROL : USER_DEFINED;
  };
  return keys.map(([key, typed]): [string, GgufTyped] => {
    const { type, value } = typed;
    if (key === "tokenizer.ggml.tokens" && type === "strings") {
      return [key, { type, value: [...value, ...behind(value, (id, token) => token ?? `[PAD${id}]`)] }];
    }
    if (key === "tokenizer.ggml.token_type" && type === "i32s") {
      return [key, { type, value: [...Array.from(value), ...behind(value, typeOf)] }];
    }
    if (key === "tokenizer.ggml.scores" && type === "f32s") {
      const scores = behind(value, (_, token) => token === null ? UNUSED_SCORE : ADDED_SCORE);
      return [key, { type, value: [...Array.from(value), ...scores] }];
    }
    return [key, typed];
  });
}
