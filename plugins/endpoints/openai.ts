/**
 * Endpoint `openai`: any server that speaks OpenAI's chat completions: OpenAI, vLLM, llama.cpp's server.
 *
 * Temperature, top_p and max_tokens are sent with every request unless they are null, because a server's own defaults (vLLM
 * takes them from the model's generation_config.json) would change scores unseen. The client's own retries are off: it asks
 * again within a second where a Retry-After is above 60 s, and a scheduler that knows the whole run decides better. The key
 * comes from the environment only, goes to no other origin than the endpoint's, and is blotted out of everything that is
 * passed on.
 * @module
 */
import type OpenAI from "openai";
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import type { Completion, CompletionRequest, Endpoint } from "../kinds/endpoint.ts";
import { fetchReply } from "./openai/fetch_reply.ts";
import { completionOf } from "./openai/outcome.ts";
import { excerpt, type Reply } from "./openai/reply.ts";
import { requestBody } from "./openai/request.ts";
import { isLoopback } from "./loopback.ts";
import { endpointOf, RELEASED_TYPES } from "./released_names.ts";
import { thoughtOpened, thoughtTags, withOpening } from "./thought_tags.ts";
import { estimatePrompt } from "./token_estimate.ts";

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
  system: z.enum(["send", "merge"]).default("send").describe(
    "merge: system messages go in front of the first user turn, for models that know no such role",
  ),
  max_bytes: z.int().min(1024).default(32 << 20).describe(
    "longest reply that is read, in bytes as they come from the network; a stream has some 250 a token",
  ),
  thought_tags: thoughtTags,
  thought_opened: thoughtOpened,
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

/** Options of an `openai` endpoint. */
export type OpenaiOptions = z.output<typeof Options>;

/** Stand-ins for the world in tests. */
export interface OpenaiWorld {
  /** Reads an environment variable; undefined where it isn't set. */
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
  let library: Promise<Library> | undefined;
  const load = async (): Promise<Library> => {
    const [{ default: Client }, { outcomeOf }] = await Promise.all([
      import("openai"),
      import("./openai/errors.ts"),
    ]);
    return { client: clientOf(Client, base, key, options), outcomeOf };
  };
  const redacted = (completion: Completion): Completion =>
    key === undefined || completion.error === undefined
      ? completion
      : { ...completion, error: completion.error.replaceAll(key, "[key]") };
  return {
    model: options.name,
    identity: { base, ...(options.system !== "send" && { system: options.system }) },
    onThisMachine: isLoopback(base),
    structured: options.structured === "auto" ? isOpenai : options.structured,
    thoughtTags: options.thought_tags,
    ...(options.prices && { prices: options.prices }),
    async complete(request, signal) {
      const { client, outcomeOf } = await (library ??= load());
      const body = requestBody(request, options);
      try {
        const reply = await client.post<Reply>("/chat/completions", { body, signal });
        const completion = completionOf(reply, request);
        return redacted(
          withOpening(
            reply.model === null || reply.model === options.name
              ? completion
              : { ...completion, answeredBy: reply.model },
            options.thought_tags,
            options.thought_opened,
          ),
        );
      } catch (error) {
        const asked = { where: base, keyName: options.api_key_env, now: Date.now(), body };
        return redacted(withWork(outcomeOf(error, asked), request));
      }
    },
    close: () => Promise.resolve(),
  };
}

interface Library {
  client: OpenAI;
  outcomeOf: typeof import("./openai/errors.ts").outcomeOf;
}

function clientOf(
  Client: typeof OpenAI,
  base: string,
  key: string | undefined,
  { timeout, stream, max_bytes }: OpenaiOptions,
): OpenAI {
  const ms = timeout * 1000;
  return new Client({
    baseURL: base,
    apiKey: key ?? "EMPTY",
    organization: null,
    project: null,
    maxRetries: 0,
    // of streams, the time between pieces is limited instead
    timeout: stream ? LONGEST_TIMER : ms,
    // a proxy's or server's own text never reaches the log of the library
    logLevel: "off",
    fetch: (input, init) => fetchReply(input, init, { maxBytes: max_bytes, ...(stream && { idleMs: ms }) }),
  });
}

/** Milliseconds; longer timers end at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Failures on which a server may have worked as long as it could. */
const WORKED: ReadonlySet<string | undefined> = new Set(["timeout", "stopped", "too_large"]);

/** Upper bound of what a failed request spent, for budgets: nobody says how much it was. */
function withWork(completion: Completion, { messages, max_tokens }: CompletionRequest): Completion {
  if (!WORKED.has(completion.failure?.kind)) return completion;
  const completionTokens = max_tokens ?? 0;
  return { ...completion, promptTokens: estimatePrompt(messages), completionTokens, estimated: true };
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
