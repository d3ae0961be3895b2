/**
 * `/v1/messages` and `/v1/messages/count_tokens`: Anthropic's interface, over the same prompts, grammars and answers as chats.
 * @module
 */
import type { Context } from "hono";

import { tellUnused } from "../fields/apart_fields.ts";
import { askedChat, promptOf } from "../chat/chat_asked.ts";
import { readFields } from "../fields/fields.ts";
import { inWordsOf } from "../fields/in_words.ts";
import { answerRequest, modelOf, type Service } from "../run.ts";
import type { Told } from "../counts/told.ts";
import { messageAsChat } from "./as_chat.ts";
import { CountFields, MessageFields, NAMED_IN_MESSAGES, unusedOfMessage } from "./fields.ts";
import { MessageWriting } from "./writing.ts";

/**
 * Answers a request for a message: JSON, or a stream of events where `stream` is true.
 * @param body JSON of the request
 * @throws {ApiError} In the request's own words: 400 for a field, 404 for a model that isn't served
 */
export async function makeMessage(c: Context, service: Service, body: unknown): Promise<Response> {
  const request = readFields(MessageFields, body, NAMED_IN_MESSAGES);
  const model = modelOf(service, request.model);
  (c.get("told") as Told).model = model.id;
  const { chat, words, unused } = messageAsChat(request, model);
  return await inWordsOf(words, async () => {
    const found = askedChat(chat, model, service);
    tellUnused(c, [...unusedOfMessage(request, model), ...unused, ...found.unused.map(words.name)]);
    const writing = new MessageWriting(request, found, { tags: service.tags, requestId: c.get("requestId") });
    return await answerRequest(c, service, {
      asked: [found.asked],
      stream: request.stream ?? false,
      writing,
    });
  });
}

/**
 * Counts the tokens that a message's prompt has; prompts that are longer than the context as well.
 * @param body JSON of the request
 * @throws {ApiError} As {@linkcode makeMessage} for the same fields
 */
export async function countMessageTokens(c: Context, service: Service, body: unknown): Promise<Response> {
  const request = readFields(CountFields, body, NAMED_IN_MESSAGES);
  const model = modelOf(service, request.model);
  (c.get("told") as Told).model = model.id;
  const { chat, words, unused } = messageAsChat(request, model);
  return await inWordsOf(words, () => {
    const { ids, unused: ofChat } = promptOf(chat, model, service);
    tellUnused(c, [...unusedOfMessage(request, model), ...unused, ...ofChat.map(words.name)]);
    return c.json({ input_tokens: ids.length });
  });
}
