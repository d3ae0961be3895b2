/**
 * The routes of the server.
 * @module
 */
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";

import { VERSION } from "../common/cli.ts";
import { isLoopbackName } from "../common/loopback.ts";
import { ApiError, clientLeft, toApiError } from "./api_error.ts";
import { adapterRoutes } from "./adapters.ts";
import { chatCompletion } from "./chat.ts";
import { jsonBody } from "./json_body.ts";
import type { Keys } from "./keys.ts";
import { allowOrigins } from "./origins.ts";
import { pageRoutes } from "./page.ts";
import type { Service } from "./run.ts";
import type { Told } from "./told.ts";
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
export function makeApp(service: Service, options: AppOptions): Hono<{ Variables: { told: Told } }> {
  // with and without a slash at the end, as most servers take it
  const app = new Hono<{ Variables: { told: Told } }>({ strict: false });
  app.use(async (c, next) => {
    const begun = performance.now();
    c.set("told", {});
    await next();
    const path = knownPath(c) ?? "other";
    service.metrics.replied(path, c.res.status);
    const line = () => options.log(logLine(c, path, performance.now() - begun));
    // a stream's counts are known when it is over, or its client has left
    if (c.res.headers.get("content-type")?.startsWith("text/event-stream") && c.res.body !== null) {
      const cancel = () => {
        (c.get("told") as Told).finish ??= "gone";
        line();
      };
      const counted = c.res.body.pipeThrough(new TransformStream({ flush: line, cancel }));
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
  app.use(allowOrigins(options.origins));
  app.get("/health", (c) => c.body(null, 200));
  app.on(["GET", "POST"], "/ping", (c) => c.body(null, 200));
  app.route("/", pageRoutes());
  app.use(async (c, next) => {
    options.keys.check(c.req.header("authorization"));
    await next();
  });
  app.get("/metrics", async (c) => {
    const [type, text] = await service.metrics.text();
    return c.body(text, 200, { "content-type": type });
  });
  app.get("/version", (c) => c.json({ version: VERSION }));
  app.get(
    "/v1/models",
    (c) => c.json({ object: "list", data: service.models.list().map((m) => modelJson(m, service)) }),
  );
  app.get(`${ONE_MODEL}:id{.+}`, (c) => {
    const model = service.models.get(c.req.param("id").replace(/\/$/, ""));
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

const KNOWN_PATHS = new Set([
  "/",
  "/health",
  "/ping",
  "/version",
  "/metrics",
  "/tokenize",
  "/detokenize",
  "/tokenizer_info",
  "/v1/models",
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/embeddings",
  "/v1/load_lora_adapter",
  "/v1/unload_lora_adapter",
]);

const ONE_MODEL = "/v1/models/";

/** The path of a request as it is counted, one for all models; undefined: nothing is there. */
function knownPath(c: Context): string | undefined {
  const path = pathOf(c);
  if (KNOWN_PATHS.has(path)) return path;
  return path.startsWith(ONE_MODEL) ? `${ONE_MODEL}{model}` : undefined;
}

/** Path of a request, without slashes at its end. */
function pathOf(c: Context): string {
  return new URL(c.req.url).pathname.replace(/(?<=.)\/$/, "");
}

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

const POSTED = new Set([
  "/tokenize",
  "/detokenize",
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/embeddings",
  "/v1/load_lora_adapter",
  "/v1/unload_lora_adapter",
]);

function notFound(c: Context): ApiError {
  const pathname = pathOf(c);
  const method = POSTED.has(pathname) ? "POST" : knownPath(c) !== undefined ? "GET" : null;
  if (method !== null) {
    c.header("allow", method === "GET" ? `GET, HEAD${pathname === "/ping" ? ", POST" : ""}` : method);
    return new ApiError(`Cannot ${c.req.method} ${pathname.slice(0, 100)}: it takes ${method}`, {
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
  const hint = KNOWN_PATHS.has(`/v1${pathname}`)
    ? `: ask /v1${pathname}, with /v1 at the end of the base URL`
    : "";
  return new ApiError(`There is nothing at ${c.req.method} ${pathname.slice(0, 100)}${hint}`, {
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
