/**
 * Fields of OpenAI's interface that change no answer here: told to the client, held to the one value that is kept, or refused.
 * @module
 */
import type { Context } from "hono";
import { z } from "zod";

/**
 * Notes about a request, hints to a cache, speed: the answer is the same with and without them. They are taken, and the reply's
 * header {@linkcode UNUSED_HEADER} names those that were given.
 */
export const NOTES = [
  "user",
  "metadata",
  "safety_identifier",
  "prompt_cache_key",
  "prompt_cache_retention",
  "prompt_cache_options",
  "prediction",
  // vLLM's
  "request_id",
  "priority",
  "cache_salt",
  "stream_interval",
  "guided_decoding_backend",
] as const;

/** Header of replies: names of given fields that had no effect, with commas. */
export const UNUSED_HEADER = "x-dinotune-unused";

const notes = Object.fromEntries(NOTES.map((name) => [name, z.unknown().optional()])) as Record<
  typeof NOTES[number],
  z.ZodOptional<z.ZodUnknown>
>;

/** Fields of both kinds of request that answers don't depend on. */
export const apart = {
  ...notes,
  store: z.literal(false, "nothing is stored here: leave store out").nullish(),
  // the reply says by which of them it was answered, as OpenAI's does
  service_tier: z.enum(["auto", "default", "flex", "scale", "priority", "fast"]).nullish(),
};

/** Fields of chats of which one value is kept. */
export const chatApart = {
  modalities: z.array(z.literal("text", "answers are texts here: leave modalities out")).nullish(),
  verbosity: z.literal(
    "medium",
    "models here have no such setting: say in a message how long an answer is to be",
  )
    .nullish(),
  audio: z.null("answers are texts here: leave audio out").optional(),
  moderation: z.null("nothing is moderated here: leave moderation out").optional(),
  web_search_options: z.null("nothing is searched here: leave web_search_options out").optional(),
  functions: z.null("use tools").optional(),
  function_call: z.null("use tool_choice").optional(),
};

/** vLLM's fields at the values that hold here anyway, which its clients send unasked; other values are refused. */
export const vllmApart = {
  skip_special_tokens: z.literal(true, "answers have no special tokens here: leave it out").nullish(),
  spaces_between_special_tokens: z.literal(true, "answers have no special tokens here: leave it out")
    .nullish(),
  include_stop_str_in_output: z.literal(false, "answers end before a stop text: add it to them").nullish(),
  use_beam_search: z.literal(false, "answers are drawn one token after the other: use n").nullish(),
  length_penalty: z.literal(1, "it is for beams, which aren't searched here: leave it out").nullish(),
  return_tokens_as_token_ids: z.literal(false, "tokens are told as texts: leave it out").nullish(),
  return_token_ids: z.literal(false, "tokens are told as texts: leave it out").nullish(),
  truncate_prompt_tokens: z.null("no prompt is cut here: send a shorter one").optional(),
  allowed_token_ids: z.null("use logit_bias or response_format").optional(),
  bad_words: z.array(z.never("use logit_bias")).nullish(),
};

/** Those of chats. */
export const vllmChatApart = {
  echo: z.literal(false, "the last message is continued by continue_final_message").nullish(),
  add_special_tokens: z.literal(false, "the chat template writes them: leave it out").nullish(),
  documents: z.null("write them into a message").optional(),
  chat_template: z.null("the server's own is used, see --template").optional(),
};

/** Names of given fields that have no effect. */
export function unusedFields(request: Partial<Record<typeof NOTES[number], unknown>>): string[] {
  return NOTES.filter((name) => request[name] != null);
}

/** Names unused fields in the reply's header. */
export function tellUnused(c: Context, names: readonly string[]): void {
  // names of fields that others made up may hold what a header can't
  const told = names.filter((name) => /^[\w.-]{1,80}$/.test(name)).slice(0, 30);
  if (told.length > 0) c.header(UNUSED_HEADER, told.join(", "));
}

/** `service_tier` of a reply: there is one way of answering. */
export function tierOf({ service_tier }: { service_tier?: unknown }): { service_tier?: "default" } {
  return service_tier == null ? {} : { service_tier: "default" };
}
