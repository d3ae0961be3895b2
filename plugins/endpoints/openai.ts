/**
 * Endpoint `openai`: any server that speaks OpenAI's chat completions: OpenAI, vLLM, llama.cpp's server.
 *
 * Temperature, top_p and max_tokens are sent with every request, because a server's own defaults (vLLM takes them from the
 * model's generation_config.json) would change scores unseen. The client's own retries are off: a scheduler that knows the
 * whole run decides about them. The key comes from the environment only and is blotted out of everything that is passed on.
 * @module
 */
import type OpenAI from "openai";
import type { ChatCompletion, ChatCompletionCreateParams } from "openai/resources/chat/completions";
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import type { Completion, CompletionRequest, Endpoint } from "../kinds/endpoint.ts";
import { wholeOfStream } from "./event_stream.ts";
import { AnswerError, failed } from "./failures.ts";
import { endpointOf, RELEASED_TYPES } from "./released_names.ts";

const OPENAI = "https://api.openai.com/v1";

const Options = z.strictObject({
  name: z.string().min(1).describe("model as the server calls it"),
  api_base: z.string().optional().describe(
    `address up to /v1; default: OPENAI_API_BASE or OPENAI_BASE_URL of the environment, else ${OPENAI}`,
  ),
  api_key_env: z.string().regex(/^[A-Za-z_]\w*$/, "must be the name of an environment variable, not a key")
    .default(
      "OPENAI_API_KEY",
    ).describe("environment variable that holds the key; keys are never read from files"),
  key: z.enum(["auto", "required", "none"]).default("auto").describe(
    "auto: sent when there is one, and required by api.openai.com; none: never sent",
  ),
  timeout: z.number().positive().default(600).describe(
    "seconds until a request without an answer has failed",
  ),
  stream: z.boolean().default(false).describe(
    "whether answers come in pieces; timeout is then between pieces",
  ),
  structured: z.union([z.literal("auto"), z.boolean()]).default("auto").describe(
    "whether judges may hold answers to a JSON schema; auto: only at api.openai.com",
  ),
  max_tokens_field: z.enum(["max_tokens", "max_completion_tokens"]).default("max_tokens").describe(
    "how the limit is called: newer OpenAI models want max_completion_tokens",
  ),
  max_bytes: z.int().min(1024).default(8 << 20).describe("longest answer in bytes that is read"),
  prices: z.strictObject({ input: z.number().min(0), output: z.number().min(0) }).optional().describe(
    "price of a million tokens, for costs and the budget",
  ),
});

/** The plugin, see the module's text. */
const openai: Plugin<"endpoint", typeof Options> = definePlugin({
  kind: "endpoint",
  name: "openai",
  version: "1",
  description: "A server that speaks OpenAI's chat completions: OpenAI, vLLM, llama.cpp's server",
  options: Options,
  aliases: RELEASED_TYPES,
  translate: (args, type) => endpointOf({ type, args }).args,
  create: (options) => openaiEndpoint(options),
});
export default openai;

/** What an `openai` endpoint is made from. */
export type OpenaiOptions = z.output<typeof Options>;

/** What stands in for the world in tests. */
export interface OpenaiWorld {
  /** Environment. */
  env?: (name: string) => string | undefined;
}

/**
 * Makes the endpoint.
 * @throws {RangeError} If the address isn't one, or a key is needed and there is none
 */
export function openaiEndpoint(options: OpenaiOptions, world: OpenaiWorld = {}): Endpoint {
  const env = world.env ?? ((name: string) => Deno.env.get(name));
  const base = address(options.api_base ?? (env("OPENAI_API_BASE") || env("OPENAI_BASE_URL") || OPENAI));
  const isOpenai = base.startsWith("https://api.openai.com/");
  const key = options.key === "none" ? undefined : env(options.api_key_env) || undefined;
  if (key === undefined && (options.key === "required" || (options.key === "auto" && isOpenai))) {
    throw new RangeError(
      `Cannot ask ${options.name} at ${base} as a key is needed: the environment variable ${options.api_key_env} isn't set`,
    );
  }
  // loaded with the first request: other runs needn't wait for the library
  let library: Promise<[OpenAI, typeof import("./openai_errors.ts").outcomeOf]> | undefined;
  const load = async (): Promise<NonNullable<Awaited<typeof library>>> => {
    const [{ default: OpenAI }, { outcomeOf }] = await Promise.all([
      import("openai"),
      import("./openai_errors.ts"),
    ]);
    return [clientOf(OpenAI), outcomeOf];
  };
  const clientOf = (Client: typeof OpenAI) =>
    new Client({
      baseURL: base,
      apiKey: key ?? "EMPTY",
      organization: null,
      project: null,
      maxRetries: 0,
      timeout: options.timeout * 1000,
      // a proxy's or server's own text never reaches the log of the library
      logLevel: "off",
      fetch: (input, init) =>
        options.stream ? fetch(input, init) : fetchWhole(input, init, options.max_bytes),
    });
  const redact = (completion: Completion): Completion =>
    key === undefined || completion.error === undefined
      ? completion
      : { ...completion, error: completion.error.replaceAll(key, "[key]") };
  return {
    model: options.name,
    identity: { base },
    structured: options.structured === "auto" ? isOpenai : options.structured,
    ...(options.prices && { prices: options.prices }),
    async complete(request, signal) {
      const [client, outcomeOf] = await (library ??= load());
      try {
        return await (options.stream
          ? askStreaming(client, options, request, signal)
          : askWhole(client, options, request, signal));
      } catch (error) {
        return redact(outcomeOf(error, base, options.api_key_env, Date.now()));
      }
    },
    close: () => Promise.resolve(),
  };
}

/** Body of the request, all sampling explicit. */
export function requestBody(
  request: CompletionRequest,
  options: Pick<OpenaiOptions, "name" | "max_tokens_field">,
): Record<string, unknown> {
  const { messages, temperature, top_p, max_tokens, seed, stop, extra, schema } = request;
  return {
    ...extra,
    model: options.name,
    messages: messages.map(({ role, content }) => ({ role, content })),
    temperature,
    top_p,
    [options.max_tokens_field]: max_tokens,
    ...(seed !== undefined && { seed }),
    ...(stop !== undefined && stop.length > 0 && { stop }),
    ...(schema !== undefined && {
      response_format: { type: "json_schema", json_schema: { name: "answer", strict: true, schema } },
    }),
  };
}

async function askWhole(
  client: OpenAI,
  options: OpenaiOptions,
  request: CompletionRequest,
  signal: AbortSignal,
): Promise<Completion> {
  const body = requestBody(request, options) as unknown as ChatCompletionCreateParams & { stream?: false };
  const answer: unknown = await client.chat.completions.create(body, { signal });
  const choice = (answer as ChatCompletion | null)?.choices?.[0];
  if (choice === undefined || typeof choice.message !== "object" || choice.message === null) {
    throw new AnswerError("malformed", `the answer has no choices: ${excerpt(JSON.stringify(answer) ?? "")}`);
  }
  const { content, refusal } = choice.message;
  if (content != null && typeof content !== "string") {
    throw new AnswerError(
      "malformed",
      `the answer's content isn't text: ${excerpt(JSON.stringify(content))}`,
    );
  }
  const usage = (answer as ChatCompletion).usage;
  return {
    outcome: choice.finish_reason === "length" ? "length" : "stop",
    text: content ?? refusal ?? "",
    promptTokens: usage?.prompt_tokens ?? 0,
    completionTokens: usage?.completion_tokens ?? 0,
  };
}

async function askStreaming(
  client: OpenAI,
  options: OpenaiOptions,
  request: CompletionRequest,
  signal: AbortSignal,
): Promise<Completion> {
  const idle = new AbortController();
  const abort = () => idle.abort();
  signal.addEventListener("abort", abort);
  let late = false;
  const arm = () => setTimeout(() => (late = true, idle.abort()), options.timeout * 1000);
  let timer = arm();
  let text = "", finish: string | null = null, promptTokens = 0, completionTokens = 0;
  try {
    const body = {
      ...requestBody(request, options),
      stream: true,
      stream_options: { include_usage: true },
    } as unknown as ChatCompletionCreateParams & { stream: true };
    const stream = await client.chat.completions.create(body, { signal: idle.signal });
    for await (const chunk of stream) {
      clearTimeout(timer);
      timer = arm();
      const choice = chunk.choices?.[0];
      text += choice?.delta?.content ?? choice?.delta?.refusal ?? "";
      finish = choice?.finish_reason ?? finish;
      promptTokens = chunk.usage?.prompt_tokens ?? promptTokens;
      completionTokens = chunk.usage?.completion_tokens ?? completionTokens;
      if (text.length > options.max_bytes) {
        throw new AnswerError(
          "too_large",
          `the answer is longer than ${options.max_bytes} bytes (args.max_bytes)`,
        );
      }
    }
  } catch (error) {
    if (late) return failed("stopped", `${client.baseURL}: the stream stopped for ${options.timeout} s`);
    if (error instanceof SyntaxError) {
      throw new AnswerError("malformed", `a piece isn't JSON: ${error.message}`);
    }
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
  // the library ends a stream quietly, whether or not the server said that it was the end
  if (late) return failed("stopped", `${client.baseURL}: the stream stopped for ${options.timeout} s`);
  if (finish === null) {
    throw new AnswerError("stopped", `the stream stopped before its end, after ${text.length} characters`);
  }
  return { outcome: finish === "length" ? "length" : "stop", text, promptTokens, completionTokens };
}

/** Reads the whole answer, up to a limit, and makes sure that it is JSON before the library takes it. */
async function fetchWhole(
  input: string | URL | Request,
  init: RequestInit | undefined,
  maxBytes: number,
): Promise<Response> {
  const response = await fetch(input, init);
  const body = await boundedText(response, maxBytes);
  const streamed = response.ok && response.headers.get("content-type")?.startsWith("text/event-stream");
  const text = streamed ? wholeOfStream(body) : body;
  if (response.ok) checkJson(text);
  const headers = withoutEncoding(response.headers);
  if (response.ok) headers.set("content-type", "application/json");
  return new Response(text, { status: response.status, headers });
}

async function boundedText(response: Response, maxBytes: number): Promise<string> {
  const tooLong = () =>
    new AnswerError("too_large", `the answer is longer than ${maxBytes} bytes (args.max_bytes)`);
  const length = response.headers.get("content-length");
  if (length !== null && response.headers.get("content-encoding") === null) {
    if (Number(length) > maxBytes) {
      await response.body?.cancel();
      throw tooLong();
    }
    return await response.text();
  }
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > maxBytes) throw tooLong();
    parts.push(part);
  }
  return await new Blob(parts).text();
}

/** The text is unpacked already. */
function withoutEncoding(headers: Headers): Headers {
  const left = new Headers(headers);
  left.delete("content-encoding");
  left.delete("content-length");
  return left;
}

function checkJson(text: string): void {
  const start = text.trimStart();
  if (start === "") throw new AnswerError("malformed", "the answer is empty where JSON is needed");
  if (start.startsWith("<")) {
    throw new AnswerError(
      "malformed",
      `the answer is HTML where JSON is needed; is args.api_base right? ${excerpt(start)}`,
    );
  }
  try {
    JSON.parse(text);
  } catch (error) {
    throw new AnswerError(
      "malformed",
      `the answer isn't JSON (${(error as Error).message}): ${excerpt(start)}`,
    );
  }
}

function address(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new RangeError(
      `Cannot use args.api_base as an address such as http://localhost:8000/v1: current value is ${
        excerpt(text)
      }`,
    );
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new RangeError(
      `Cannot use args.api_base as an http address: current value begins with ${url.protocol}`,
    );
  }
  if (url.username !== "" || url.password !== "" || url.search !== "") {
    throw new RangeError(
      "Cannot use args.api_base as it holds a user, a password or a query, which would end up in reports: " +
        "give the bare address, and the key in the environment",
    );
  }
  return url.href.replace(/\/+$/, "");
}

function excerpt(text: string): string {
  const short = text.slice(0, 120).replaceAll(/\s+/g, " ");
  return JSON.stringify(text.length > 120 ? `${short}…` : short);
}
