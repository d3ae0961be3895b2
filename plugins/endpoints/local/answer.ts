/**
 * The part of the endpoint `local` that needs the engine: it is loaded with the first request.
 * @module
 */
import { join } from "@std/path";

import { exists } from "../../../formats/exists.ts";
import { isPermissionFault, withPermissionWords } from "../../../formats/permission_words.ts";
import { loadTokenizerSync, type Tokenizer } from "../../../formats/tokenizer/mod.ts";
import {
  ContextLengthError,
  type Generated,
  GREEDY,
  type Sampling as TokenSampling,
} from "../../../kernels/engine/generate/generator.ts";
import { compareTemplates } from "../../kinds/tokenizer/compare_templates.ts";
import type { Completion, CompletionRequest, ThoughtTags } from "../../kinds/endpoint.ts";
import type { PluginRegistry } from "../../kinds/plugin.ts";
import type { Template } from "../../kinds/template.ts";
import { failed } from "../failures.ts";
import { withOpening } from "../thought_tags.ts";
import type { LocalModel } from "./open.ts";
import { decodeShowing, openedBy, specialOf } from "./shown_text.ts";

export { chooseBackend } from "../../../kernels/engine/backends.ts";
export { adapterNotes, openLocal, rewardNotes } from "./open.ts";

/** Fields of `extra` that the engine knows. */
const EXTRA = [
  "top_k",
  "min_p",
  "repetition_penalty",
  "presence_penalty",
  "frequency_penalty",
  "logit_bias",
  "min_tokens",
  "ignore_eos",
  "adapter",
] as const;

/** A model that is open. */
export interface Opened extends LocalModel {
  tags: readonly ThoughtTags[];
}

/** Differences from the template that the adapter was trained with, which its folder has. */
export function templateNotes(template: Template, adapter: string, registry: PluginRegistry): string[] {
  if (!exists(join(adapter, "tokenizer.json"))) return [];
  const tokenizer = loadTokenizerSync(adapter);
  const difference = compareTemplates(template, registry.create("template", "auto", {}), tokenizer);
  return difference === null ? [] : [`${adapter} was trained with another template. ${difference}`];
}

/** Answers a request; what goes wrong is a failure of the answer. */
export async function answer(
  model: Opened,
  request: CompletionRequest,
  signal: AbortSignal,
): Promise<Completion> {
  const { generator, tokenizer, template, tags } = model;
  let prompt: number[] = [];
  try {
    const system = request.messages[0]?.role === "system" ? request.messages[0].content : "";
    const messages = request.messages.slice(request.messages[0]?.role === "system" ? 1 : 0);
    prompt = template.encodePrompt(tokenizer, {
      messages,
      system: system || template.defaultSystem,
      tools: "",
    });
    const result = await generator.generate(prompt, sampling(request, model), undefined, signal);
    const completion = {
      outcome: result.finish,
      text: withTagTokens(result, tokenizer, tags),
      promptTokens: result.promptTokens,
      completionTokens: result.ids.length,
    };
    const opened = openedBy(prompt, tokenizer, tags);
    return opened === undefined ? completion : withOpening(completion, [opened], true);
  } catch (error) {
    if (signal.aborted) return failed("stopped", `the request was given up: ${message(signal.reason)}`);
    if (error instanceof ContextLengthError) {
      return {
        outcome: "context_length",
        text: "",
        promptTokens: prompt.length,
        completionTokens: 0,
        error: error.message,
      };
    }
    if (isPermissionFault(message(error))) return failed("settings", withPermissionWords(message(error)));
    const theirs = error instanceof RangeError || error instanceof TypeError;
    return failed(theirs ? "bad_request" : "server", message(error));
  }
}

/** The answer's text with tags around thoughts even where they are special tokens, which the engine leaves out of texts. */
function withTagTokens(
  { text, ids, stop }: Pick<Generated, "text" | "ids" | "stop">,
  tokenizer: Tokenizer,
  tags: readonly ThoughtTags[],
): string {
  const shown = specialOf(tokenizer, tags.flat());
  if (!ids.some((id) => shown.has(id))) return text;
  const whole = decodeShowing(tokenizer, ids, shown);
  const end = typeof stop === "string" ? whole.lastIndexOf(stop) : -1;
  return end < 0 ? whole : whole.slice(0, end);
}

/** @throws {RangeError} If a field isn't known. */
function sampling(
  request: CompletionRequest,
  { generator, stopIds }: Pick<Opened, "generator" | "stopIds">,
): Partial<TokenSampling> {
  const { seed = 0, stop = [], extra = {} } = request;
  const temperature = request.temperature ?? GREEDY.temperature, top_p = request.top_p ?? GREEDY.top_p;
  const max_tokens = request.max_tokens ?? generator.info.maxModelLen;
  const unknown = Object.keys(extra).filter((name) => !EXTRA.includes(name as typeof EXTRA[number]));
  if (unknown.length) {
    throw new RangeError(
      `Cannot sample with ${
        unknown.join(", ")
      }: endpoint local knows temperature, top_p, max_tokens, seed, stop, ${EXTRA.join(", ")}`,
    );
  }
  return {
    ...extra,
    temperature,
    top_p,
    max_tokens,
    seed,
    stop,
    stop_ids: extra.ignore_eos === true ? [] : stopIds,
  };
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
