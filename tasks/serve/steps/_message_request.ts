/**
 * A request for a message, as Anthropic's client makes it.
 * @module
 */
import Anthropic from "@anthropic-ai/sdk";

import { SERVED_KEY, type ServedClient } from "./_client.ts";

/** Sampling isn't in the newest client's types any more. */
export type MessageParams = Anthropic.MessageCreateParamsNonStreaming & { temperature?: number };

/** The request that `asked` of `_client.ts` is as a chat. */
export const messageRequest = (more: Partial<MessageParams> = {}): MessageParams => ({
  model: "random",
  system: "Be brief.",
  messages: [{ role: "user", content: "Name a river." }],
  temperature: 0,
  max_tokens: 12,
  ...more,
});

/** A tool of one argument. */
export const MESSAGE_TOOLS: Anthropic.Tool[] = [{
  name: "count",
  description: "Counts",
  input_schema: { type: "object", properties: { city: { enum: ["Rome", "Oslo"] } }, required: ["city"] },
}];

/** Anthropic's client of the server. */
export const messageClient = ({ served }: ServedClient, apiKey = SERVED_KEY) =>
  new Anthropic({ baseURL: served.base, apiKey, maxRetries: 0 });
