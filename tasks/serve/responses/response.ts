/**
 * `/v1/responses`: OpenAI's newer interface, without memory: the whole conversation comes with every request.
 * @module
 */
import type { Context } from "hono";

import { tellUnused, unusedFields } from "../fields/apart_fields.ts";
import { askedChat } from "../chat/chat_asked.ts";
import { readFields } from "../fields/fields.ts";
import { inWordsOf } from "../fields/in_words.ts";
import { answerRequest, modelOf, type Service } from "../run.ts";
import type { Told } from "../counts/told.ts";
import { responseAsChat } from "./as_chat.ts";
import { NAMED_IN_RESPONSES, ResponseFields, unusedHere } from "./fields.ts";
import { ResponseWriting } from "./writing.ts";

/**
 * Answers a request for a response: JSON, or a stream of events where `stream` is true.
 * @param body JSON of the request
 * @throws {ApiError} In the request's own words: 400 for a field, 404 for a model that isn't served
 */
export async function makeResponse(c: Context, service: Service, body: unknown): Promise<Response> {
  const request = readFields(ResponseFields, body, NAMED_IN_RESPONSES);
  const model = modelOf(service, request.model);
  (c.get("told") as Told).model = model.id;
  const { chat, words } = responseAsChat(request);
  return await inWordsOf(words, async () => {
    const found = askedChat(chat, model, service);
    const writing = new ResponseWriting(request, found, service);
    // the reply repeats metadata, which is its use
    const notes = unusedFields(request).filter((name) => name !== "metadata");
    tellUnused(c, [...notes, ...unusedHere(request), ...found.unused.map(words.name)]);
    return await answerRequest(c, service, {
      asked: [found.asked],
      stream: request.stream ?? false,
      writing,
    });
  });
}
