/**
 * What a tokenizer.json has and a GGUF file has no place for, or llama.cpp takes otherwise (src/llama-vocab.cpp), so that some texts have other ids there.
 * @module
 */
import { counted } from "../../counted.ts";
import { shown } from "../../message.ts";
import { stripsAsPhi3 } from "./special_tokens.ts";
import type { Component, TokenizerJson } from "../tokenizer_json.ts";

/** Sentences about texts that llama.cpp cuts otherwise; none where there are no such texts. */
export function ggufTokenizerLosses(json: TokenizerJson): string[] {
  const steps = json.normalizer?.type === "Sequence"
    ? json.normalizer.normalizers as Component[]
    : json.normalizer === null
    ? []
    : [json.normalizer];
  const lost = steps.filter((step) => !isSentencePiece(step)).map(({ type }) => type);
  return [
    ...(lost.length === 0 ? [] : [
      `llama.cpp normalises no text: ids of texts that ${
        lost.join(" and ")
      } of tokenizer.json changes differ there`,
    ]),
    ...addedTokens(json, steps.length > lost.length),
    ...(isText(json, "</s>")
      ? [
        '"</s>" is a piece of text in tokenizer.json and an end of text in llama.cpp: texts that hold it have other ids there',
      ]
      : []),
  ];
}

/** A space becomes "▁", or one is put in front: the format has that. */
function isSentencePiece(step: Component): boolean {
  return step.type === "Prepend" || step.type === "Replace" && step.content === "▁";
}

function addedTokens(json: TokenizerJson, changesSpaces: boolean): string[] {
  const named = stripsAsPhi3(json.added_tokens);
  const tokens = json.added_tokens.filter(({ lstrip, rstrip, single_word, normalized }) =>
    lstrip || rstrip && !named || single_word || normalized && changesSpaces
  );
  const [first] = tokens;
  if (first === undefined) return [];
  const flags = (["lstrip", "rstrip", "single_word", "normalized"] as const).filter((flag) => first[flag]);
  return [
    `llama.cpp finds added tokens wherever their text stands and keeps the space around them: ${
      counted(tokens.length, "token")
    } of tokenizer.json ${tokens.length === 1 ? "has" : "have"} other rules (${shown(first.content)}: ${
      flags.join(", ")
    }), ids around them differ there`,
  ];
}

/** True if the vocabulary has the text and nobody marks it. */
function isText({ model, added_tokens }: TokenizerJson, text: string): boolean {
  return Object.hasOwn(model.vocab, text) && !added_tokens.some(({ content }) => content === text);
}
