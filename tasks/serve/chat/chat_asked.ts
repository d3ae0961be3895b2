/**
 * A chat request as the generator is asked, and how its answers are read.
 * @module
 */
import type { ThoughtTags } from "../../../plugins/kinds/endpoint.ts";
import type { PromptAsked } from "../answers/answers.ts";
import { unusedFields } from "../fields/apart_fields.ts";
import { badRequest } from "../api_error.ts";
import { type ChatPrompt, chatPrompt, openedTags } from "./chat_prompt.ts";
import type { ChatRequest } from "../fields/fields.ts";
import { offeredTools } from "./messages.ts";
import type { ServedModel } from "../models.ts";
import { roomFor } from "../room.ts";
import type { Service } from "../run.ts";
import { requestSampling } from "../sampling.ts";
import { thinkingOf } from "../fields/thinking.ts";
import type { AnswerFormat } from "../reading/tool_formats.ts";
import { checkTools, heldCalls } from "./tools.ts";

/** What a chat request becomes. */
export interface ChatAsked {
  /** Prompt and sampling, for the generator. */
  asked: PromptAsked;
  /** Tags of thoughts that the prompt opened already. */
  opened: ThoughtTags | undefined;
  /** Of calls; null: there are none to look for. */
  format: AnswerFormat | null;
  /** Names of the tools that may be called. */
  offered: ReadonlySet<string>;
  /** Fields that had no effect. */
  unused: string[];
}

/** The prompt of a chat request. @throws {ApiError} 400 if its messages, tools or thinking can't be written by the model's template */
export function promptOf(
  request: ChatRequest,
  model: ServedModel,
  { models }: Pick<Service, "models">,
): ChatPrompt {
  checkTools(request, model);
  return chatPrompt(request, model, model.template(thinkingOf(request, model)), models.registry);
}

/** Checks a chat request and applies the chat template. @throws {ApiError} 400 if it can't be carried out */
export function askedChat(request: ChatRequest, model: ServedModel, service: Service): ChatAsked {
  const { ids: prompt, offersTools, unused } = promptOf(request, model, service);
  const limit = limitOf(request), given = request.max_completion_tokens == null;
  const room = roomFor(prompt.length, limit, model, {
    prompt: "messages",
    limit: given ? "max_tokens" : "max_completion_tokens",
  });
  const free = requestSampling(model, request, {
    ...service.limits,
    room,
    limit,
    logprobs: logprobsOf(request),
  });
  const call = heldCalls(request, model);
  const sampling = call === null ? free : { ...free, mask: call };
  const format = offersTools ? model.format : null;
  const marks = format === null
    ? []
    : [...format.begin, ...format.inside, ...format.end === null ? [] : [format.end]];
  const shown = [...service.tags.flat(), ...marks];
  return {
    asked: { model, prompt, sampling, shown },
    opened: openedTags(request, prompt, model.local, service.tags),
    format,
    offered: new Set(offeredTools(request).map((tool) => tool.function.name)),
    unused: [...unusedFields(request), ...unused],
  };
}

function limitOf(
  { max_completion_tokens: limit, max_tokens: older }: ChatRequest,
): number | null | undefined {
  if (limit != null && older != null && limit !== older) {
    throw badRequest(
      `Cannot use max_tokens (${older}) beside max_completion_tokens (${limit}): leave one of them out`,
      "max_tokens",
    );
  }
  return limit ?? older;
}

function logprobsOf({ logprobs, top_logprobs }: ChatRequest): number | null {
  if (logprobs === true) return top_logprobs ?? 0;
  if (top_logprobs != null && top_logprobs > 0) {
    throw badRequest("Cannot tell top_logprobs without logprobs: set logprobs to true", "top_logprobs");
  }
  return null;
}
