/**
 * The routes of the server.
 * @module
 */
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";

import { VERSION } from "../common/version.ts";
import { isLoopbackName } from "../common/loopback.ts";
import { ApiError, clientLeft, stopping, toApiError } from "./api_error.ts";
import { adapterRoutes } from "./adapters.ts";
import { errorBody, isAnthropics } from "./anthropic/error_body.ts";
import { countMessageTokens, makeMessage } from "./anthropic/message.ts";
import { chatCompletion } from "./chat/chat.ts";
import { jsonBody } from "./http/json_body.ts";
import type { Keys } from "./http/keys.ts";
import { notFound } from "./http/known_paths.ts";
import { identified } from "./http/request_id.ts";
import { modelRoutes } from "./model_list.ts";
import { allowOrigins } from "./http/origins.ts";
import { pageRoutes } from "./page/page.ts";
import { logged, type ToldVariables } from "./counts/request_log.ts";
import { countInputTokens } from "./responses/input_tokens.ts";
import { makeResponse } from "./responses/response.ts";
import type { Service } from "./run.ts";
import { scoreTexts } from "./scores.ts";
import { textCompletion } from "./text.ts";
import { tokenizeRoutes } from "./tokenize.ts";

/** Settings of the routes beside the service. */
export interface AppOptions {
  /** Keys that clients must show. */
  keys: Keys;
  /** Bytes of a request's body, at most. */
  maxBody: number;
  /** True if clients may load and unload adapters. */
  loadAdapters: boolean;
  /** Only requests to a name of this machine itself are taken, so that no web page reaches the server by a name of its own. */
  loopback: boolean;
  /** Origins of web pages that may ask, beside those of this machine; `*`: any. */
  origins: readonly string[];
  /** Called with one line per request: no contents. */
  log(line: string): void;
  /** Gets what went wrong inside. */
  fault(error: unknown): void;
}

/** The server's application: its `fetch` answers requests. */
export function makeApp(service: Service, options: AppOptions): Hono<ToldVariables> {
  // with and without a slash at the end, as most servers take it
  const app = new Hono<ToldVariables>({ strict: false });
  app.use(identified());
  app.use(logged(service, options.log));
  app.use(async (c, next) => {
    if (options.loopback && !isLoopbackName(c.req.header("host"))) throw wrongHost();
    if (service.ending.aborted) throw stopping();
    await next();
  });
  app.use(allowOrigins(options.origins));
  app.get("/health", (c) => c.body(null, 200));
  app.on(["GET", "POST"], "/ping", (c) => c.body(null, 200));
  app.route("/", pageRoutes());
  app.use(async (c, next) => {
    options.keys.check(c.req.header("authorization"), c.req.header("x-api-key"));
    await next();
  });
  app.get("/metrics", async (c) => {
    const [type, text] = await service.metrics.text();
    return c.body(text, 200, { "content-type": type });
  });
  app.get("/version", (c) => c.json({ version: VERSION }));
  app.route("/", modelRoutes(service));
  app.use(bodyLimit({
    maxSize: options.maxBody,
    onError: () => {
      throw tooLarge(options.maxBody);
    },
  }));
  app.post("/v1/chat/completions", async (c) => await chatCompletion(c, service, await jsonBody(c)));
  app.post("/v1/completions", async (c) => await textCompletion(c, service, await jsonBody(c)));
  app.post("/v1/responses", async (c) => await makeResponse(c, service, await jsonBody(c)));
  app.post(
    "/v1/responses/input_tokens",
    async (c) => await countInputTokens(c, service, await jsonBody(c)),
  );
  app.post("/v1/messages", async (c) => await makeMessage(c, service, await jsonBody(c)));
  app.post("/v1/messages/count_tokens", async (c) => await countMessageTokens(c, service, await jsonBody(c)));
  app.post("/v1/score/evaluation", async (c) => await scoreTexts(c, service, await jsonBody(c)));
  app.post("/v1/embeddings", () => {
    throw noEmbeddings();
  });
  app.route("/", tokenizeRoutes(service));
  app.route("/", adapterRoutes(service, options));
  app.notFound((c) => reply(c, notFound(c)));
  app.onError((error, c) => {
    // of Node's server, when a connection ends within a body
    const told = (error as { code?: unknown }).code === "ECONNRESET" ? clientLeft() : toApiError(error);
    if (told.fields.status >= 500 && !(error instanceof ApiError)) options.fault(error);
    return reply(c, told);
  });
  return app;
}

function reply(c: Context, error: ApiError): Response {
  const { retryAfter, status, code } = error.fields;
  const headers = {
    ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }),
    // OpenAI's and Anthropic's clients ask again at 500 and above
    ...((status === 501 || code === "model_broken") && { "x-should-retry": "false" }),
    ...(status === 401 && { "www-authenticate": "Bearer" }),
  };
  return c.json(isAnthropics(c) ? errorBody(error, c.get("requestId")) : error.body, status, headers);
}

function wrongHost(): ApiError {
  return new ApiError(
    "This server answers to names of this machine only: ask it as 127.0.0.1 or localhost, or start it with --host",
    { status: 403, type: "invalid_request_error", code: "wrong_host" },
  );
}

function tooLarge(maxBody: number): ApiError {
  return new ApiError(`The body is larger than ${maxBody} bytes, which is this server's limit`, {
    status: 413,
    type: "invalid_request_error",
    code: "body_too_large",
  });
}

function noEmbeddings(): ApiError {
  return new ApiError("Embeddings aren't made here: the model writes texts", {
    status: 501,
    type: "invalid_request_error",
    code: "not_supported",
  });
}
