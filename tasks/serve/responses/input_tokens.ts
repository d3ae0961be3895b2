/**
 * `/v1/responses/input_tokens`: the tokens that a request for a response would have in its prompt.
 * @module
 */
import type { Context } from "hono";
import { z } from "zod";

import { tellUnused } from "../fields/apart_fields.ts";
import { badRequest } from "../api_error.ts";
import { promptOf } from "../chat/chat_asked.ts";
import { readFields } from "../fields/fields.ts";
import { inWordsOf } from "../fields/in_words.ts";
import { modelOf, type Service } from "../run.ts";
import type { Told } from "../counts/told.ts";
import { responseAsChat } from "./as_chat.ts";
import { NAMED_IN_RESPONSES, ResponseFields } from "./fields.ts";

const { input, ...shared } = ResponseFields.pick({
  model: true,
  input: true,
  instructions: true,
  conversation: true,
  parallel_tool_calls: true,
  previous_response_id: true,
  reasoning: true,
  text: true,
  tool_choice: true,
  tools: true,
  truncation: true,
  chat_template_kwargs: true,
}).shape;

/** A request for the number of tokens: the fields of a request for a response that its prompt depends on, and those that OpenAI's has beside them. */
export const InputTokenFields = z.strictObject({
  ...shared,
  input: input.nullish(),
  personality: z.null("models here have no such setting: say it in instructions").optional(),
});

/**
 * Counts; prompts that are longer than the context as well.
 * @param body JSON of the request
 * @throws {ApiError} As `/v1/responses` for the same fields
 */
export async function countInputTokens(c: Context, service: Service, body: unknown): Promise<Response> {
  const request = readFields(InputTokenFields, body, NAMED_IN_RESPONSES);
  const model = modelOf(service, request.model);
  (c.get("told") as Told).model = model.id;
  if (request.input == null && request.instructions == null) {
    throw badRequest("Cannot count tokens of nothing: give input or instructions", "input");
  }
  const { chat, words } = responseAsChat({ ...request, input: request.input ?? [] });
  return await inWordsOf(words, () => {
    const { ids, unused } = promptOf(chat, model, service);
    tellUnused(c, unused.map(words.name));
    return c.json({ object: "response.input_tokens", input_tokens: ids.length });
  });
}
