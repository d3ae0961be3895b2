/**
 * Tokenizer and chat template as keys of a GGUF file.
 * @module
 */
import type { GgufTyped } from "../../formats/gguf/mod.ts";
import { type GgufTokenizerKeys, ggufTokenizerKeys, type Tokenizer } from "../../formats/tokenizer/mod.ts";
import type { ExportSource } from "./source.ts";

/**
 * The base's own keys where it is a GGUF file, else those of tokenizer.json; template and end token are what is written.
 * @returns The keys, and remarks on texts that llama.cpp cuts otherwise than tokenizer.json
 * @throws {TypeError} If there is no tokenizer
 */
export function tokenizerKeys(source: ExportSource): { keys: [string, GgufTyped][]; notes: string[] } {
  const { model, chatTemplate, decoder } = source, tokenizer = writtenTokenizer(source);
  const made = model.metadata === null ? ggufTokenizerKeys(tokenizer, decoder.vocabSize) : null;
  const keys = new Map<string, GgufTyped>(
    made === null ? copiedTokenizer(model.metadata ?? new Map()) : typedKeys(made, tokenizer.unkId),
  );
  for (
    const [key, id] of [["bos", tokenizer.bosId], ["eos", tokenizer.eosId], [
      "padding",
      tokenizer.padId,
    ]] as const
  ) {
    if (id !== null && id < decoder.vocabSize) {
      keys.set(`tokenizer.ggml.${key}_token_id`, { type: "u32", value: id });
    }
  }
  if (chatTemplate !== null) keys.set("tokenizer.chat_template", { type: "string", value: chatTemplate });
  return { keys: [...keys], notes: made?.losses ?? [] };
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
