/**
 * Requests of chat completions.
 * @module
 */
import type { Message } from "../../kinds/dataset.ts";
import type { CompletionRequest } from "../../kinds/endpoint.ts";

/** Options of an endpoint that decide about requests. */
export interface RequestOptions {
  /** The model as the server calls it. */
  name: string;
  /** Name of the limit. */
  max_tokens_field: "max_tokens" | "max_completion_tokens";
  /** True if a system message is sent, or put into the first user turn. */
  system: "send" | "merge";
  /** True if the answer is to come in pieces. */
  stream: boolean;
}

/** Body of a request: all sampling explicit, except what is null. */
export function requestBody(request: CompletionRequest, options: RequestOptions): Record<string, unknown> {
  const { messages, temperature, top_p, max_tokens, seed, stop, extra, schema } = request;
  const sent = options.system === "merge" ? withoutSystem(messages) : messages;
  return {
    ...extra,
    model: options.name,
    messages: sent.map(({ role, content }) => ({ role, content })),
    ...(temperature !== null && { temperature }),
    ...(top_p !== null && { top_p }),
    ...(max_tokens !== null && { [options.max_tokens_field]: max_tokens }),
    ...(seed !== undefined && { seed }),
    ...(stop !== undefined && stop.length > 0 && { stop }),
    ...(schema !== undefined && {
      response_format: { type: "json_schema", json_schema: { name: "answer", strict: true, schema } },
    }),
    ...(options.stream && { stream: true, stream_options: { include_usage: true } }),
  };
}

/** System messages go in front of the first user turn, an empty line between them. */
export function withoutSystem(messages: readonly Message[]): Message[] {
  const system = messages.filter(({ role }) => role === "system").map(({ content }) => content)
    .filter((content) => content.trim() !== "");
  const others = messages.filter(({ role }) => role !== "system");
  const first = others.findIndex(({ role }) => role === "user");
  if (system.length === 0) return others;
  if (first < 0) return [{ role: "user", content: system.join("\n\n") }, ...others];
  return others.with(first, {
    ...others[first]!,
    content: [...system, others[first]!.content].join("\n\n"),
  });
}
