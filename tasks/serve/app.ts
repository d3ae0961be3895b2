/**
 * The routes of the server.
 * @module
 */
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";

import { isLoopbackName } from "../common/loopback.ts";
import { ApiError, toApiError } from "./api_error.ts";
import { adapterRoutes } from "./adapters.ts";
import { chatCompletion } from "./chat.ts";
import { jsonBody } from "./json_body.ts";
import type { Keys } from "./keys.ts";
import { pageRoutes } from "./page.ts";
import type { Service } from "./run.ts";
import type { Told } from "./told.ts";
import { textCompletion } from "./text.ts";

/** Settings of the routes beside the service. */
export interface AppOptions {
  /** Keys that clients must show. */
  keys: Keys;
  /** Bytes of a request's body, at most. */
  maxBody: number;
  /** Whether clients may load and unload adapters. */
  loadAdapters: boolean;
  /** Only requests to a name of this machine itself are taken, so that no web page reaches the server by a name of its own. */
  loopback: boolean;
  /** Called with one line per request: no contents. */
  log(line: string): void;
  /** Gets what went wrong inside. */
  fault(error: unknown): void;
}

/** The server's application, as `Deno.serve` takes it. */
export function makeApp(service: Service, options: AppOptions): Hono<{ Variables: { told: Told } }> {
  const app = new Hono<{ Variables: { told: Told } }>();
  app.use(async (c, next) => {
    const begun = performance.now();
    c.set("told", {});
    await next();
    const { pathname } = new URL(c.req.url);
    const path = KNOWN_PATHS.has(pathname) ? pathname : "other";
    service.metrics.replied(path, c.res.status);
    const line = () => options.log(logLine(c, path, performance.now() - begun));
    // a stream's counts are known when it is over
    if (c.res.headers.get("content-type")?.startsWith("text/event-stream") && c.res.body !== null) {
      const counted = c.res.body.pipeThrough(new TransformStream({ flush: line }));
      c.res = new Response(counted, c.res);
    } else line();
  });
  app.use(async (c, next) => {
    if (options.loopback && !isLoopbackName(c.req.header("host"))) {
      throw new ApiError(
        "This server answers to names of this machine only: ask it as 127.0.0.1 or localhost, or start it with --host",
        { status: 403, type: "invalid_request_error", code: "wrong_host" },
      );
    }
    if (service.ending.aborted) {
      throw new ApiError("The server is stopping", {
        status: 503,
        type: "server_error",
        code: "stopping",
        retryAfter: 5,
      });
    }
    await next();
  });
  app.get("/health", (c) => c.body(null, 200));
  app.route("/", pageRoutes());
  app.use(async (c, next) => {
    options.keys.check(c.req.header("authorization"));
    await next();
  });
  app.get("/metrics", async (c) => {
    const [type, text] = await service.metrics.text();
    return c.body(text, 200, { "content-type": type });
  });
  app.get(
    "/v1/models",
    (c) => c.json({ object: "list", data: service.models.list().map((m) => modelJson(m, service)) }),
  );
  app.get("/v1/models/:id{.+}", (c) => {
    const model = service.models.get(c.req.param("id"));
    if (model !== undefined) return c.json(modelJson(model, service));
    throw new ApiError(`There is no model of that name: GET /v1/models lists those that are`, {
      status: 404,
      type: "invalid_request_error",
      param: "model",
      code: "model_not_found",
    });
  });
  app.use(bodyLimit({
    maxSize: options.maxBody,
    onError: () => {
      throw new ApiError(`The body is larger than ${options.maxBody} bytes, which is this server's limit`, {
        status: 413,
        type: "invalid_request_error",
        code: "body_too_large",
      });
    },
  }));
  app.post("/v1/chat/completions", async (c) => await chatCompletion(c, service, await jsonBody(c)));
  app.post("/v1/completions", async (c) => await textCompletion(c, service, await jsonBody(c)));
  app.post("/v1/embeddings", () => {
    throw new ApiError("Embeddings aren't made here: the model writes texts", {
      status: 501,
      type: "invalid_request_error",
      code: "not_supported",
    });
  });
  app.route("/", adapterRoutes(service, options));
  app.notFound((c) => reply(c, notFound(c)));
  app.onError((error, c) => {
    const told = toApiError(error);
    if (told.fields.status >= 500 && !(error instanceof ApiError)) options.fault(error);
    return reply(c, told);
  });
  return app;
}

const KNOWN_PATHS = new Set([
  "/",
  "/health",
  "/metrics",
  "/v1/models",
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/embeddings",
  "/v1/load_lora_adapter",
  "/v1/unload_lora_adapter",
]);

function modelJson(
  { id, created, root, parent, local }: ReturnType<Service["models"]["list"]>[number],
  _: Service,
): Record<string, unknown> {
  const { maxModelLen } = local.generator.info;
  return { id, object: "model", created, owned_by: "dinotune", root, parent, max_model_len: maxModelLen };
}

function reply(c: Context, error: ApiError): Response {
  const { retryAfter, status } = error.fields;
  const headers = {
    ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }),
    // OpenAI's clients ask again at 500 and above
    ...(status === 501 && { "x-should-retry": "false" }),
    ...(status === 401 && { "www-authenticate": "Bearer" }),
  };
  return c.json(error.body, status, headers);
}

const POSTED = ["chat/completions", "completions", "embeddings", "load_lora_adapter", "unload_lora_adapter"];

function notFound(c: Context): ApiError {
  const { pathname } = new URL(c.req.url);
  const method = POSTED.some((path) => pathname === `/v1/${path}`)
    ? "POST"
    : KNOWN_PATHS.has(pathname)
    ? "GET"
    : null;
  if (method !== null) {
    c.header("allow", method === "GET" ? "GET, HEAD" : method);
    return new ApiError(`Cannot ${c.req.method} ${pathname}: it takes ${method}`, {
      status: 405,
      type: "invalid_request_error",
      code: "method_not_allowed",
    });
  }
  if (pathname === "/v1/responses") {
    return new ApiError("Responses aren't kept here: ask /v1/chat/completions", {
      status: 501,
      type: "invalid_request_error",
      code: "not_supported",
    });
  }
  return new ApiError(`There is nothing at ${c.req.method} ${new URL(c.req.url).pathname.slice(0, 100)}`, {
    status: 404,
    type: "invalid_request_error",
    code: "not_found",
  });
}

function logLine(c: Context, path: string, ms: number): string {
  const told = c.get("told") as Told;
  const parts = [
    new Date().toISOString(),
    c.req.method,
    path,
    c.res.status,
    `${Math.round(ms)} ms`,
    ...told.model === undefined ? [] : [told.model],
    ...told.promptTokens === undefined ? [] : [`${told.promptTokens}+${told.completionTokens} tokens`],
    ...told.finish === undefined ? [] : [told.finish],
  ];
  return parts.join(" ");
}
