/**
 * A request and options for an endpoint that speaks OpenAI's protocol.
 * @module
 */
import { type MockOptions, mockServer } from "../../tasks/bench/eval/mock_server.ts";
import type { Completion, CompletionRequest } from "../kinds/endpoint.ts";
import { openaiEndpoint, type OpenaiOptions } from "./openai.ts";
import openaiPlugin from "./openai.ts";

/** A key that must be in no message. */
export const SECRET_KEY = "sk-test-do-not-show-0123456789";
/** An environment that has it. */
export const secretEnvironment = (name: string) => name === "OPENAI_API_KEY" ? SECRET_KEY : undefined;
/** A plain request. */
export const HELLO: CompletionRequest = {
  messages: [{ role: "user", content: "hello" }],
  temperature: 0.1,
  top_p: 0.9,
  max_tokens: 64,
};

/** Options for a server at `base`. */
export function endpointOptions(base: string, more: Partial<OpenaiOptions> = {}): OpenaiOptions {
  return { ...openaiPlugin.options.parse({ name: "m", api_base: base }), ...more };
}

/** Asks a server that answers as `respond` says. */
export async function askOnce(
  respond: MockOptions["respond"],
  more: Partial<OpenaiOptions> = {},
  what: Partial<CompletionRequest> = {},
): Promise<Completion> {
  await using server = mockServer({ ...(respond && { respond }) });
  const endpoint = openaiEndpoint(endpointOptions(server.base, more), { env: secretEnvironment });
  return await endpoint.complete({ ...HELLO, ...what }, new AbortController().signal);
}

/** A reply that tells an error as OpenAI's servers do. */
export const errorReply =
  (status: number, message: string, more: Record<string, unknown> = {}, headers = {}) => () =>
    Response.json({ error: { message, type: "x", param: null, code: null, ...more } }, { status, headers });
