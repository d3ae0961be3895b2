/**
 * A stand-in for a server of chat completions, for tests and measurements: counts what it is asked, answers like a model and
 * like a judge, and misbehaves as told.
 * @module
 */

/** A request's content. */
export interface MockRequest {
  /** Parsed body. */
  body: { model: string; messages: { role: string; content: string }[]; [field: string]: unknown };
  /** Nth request, from 0. */
  index: number;
  /** Authorization header. */
  authorization: string | null;
}

/** Behaviour of the server. */
export interface MockOptions {
  /** Milliseconds until an answer. */
  latencyMs?: number;
  /** Answers instead of the usual one; undefined: the usual one. */
  respond?: (request: MockRequest) => Response | undefined | Promise<Response | undefined>;
  /** Text of an answer; default: {@linkcode mockText}. */
  text?: (request: MockRequest) => string;
  /** 0: any free one. */
  port?: number;
  /** Where it listens; default: this machine only. */
  hostname?: string;
  /** False: requests are only counted, for long measurements. */
  keepLog?: boolean;
}

/** A server that answers like OpenAI's after a set delay; on loopback unless `hostname` says otherwise. */
export interface MockServer extends AsyncDisposable {
  /** Address up to /v1. */
  base: string;
  /** Requests by their JSON messages. */
  asked: Map<string, number>;
  /** All requests, in order. */
  log: MockRequest[];
  /** Requests that are being answered, at most at once. */
  most: number;
}

/** Starts it. */
export function mockServer(options: MockOptions = {}): MockServer {
  const asked = new Map<string, number>();
  const log: MockRequest[] = [];
  const { keepLog = true } = options;
  let now = 0, count = 0;
  const state = { most: 0 };
  const server = Deno.serve(
    { port: options.port ?? 0, hostname: options.hostname ?? "127.0.0.1", onListen() {} },
    async (http) => {
      const { pathname } = new URL(http.url);
      if (pathname === "/count") return Response.json(count);
      if (pathname !== "/v1/chat/completions") {
        return Response.json({ error: { message: "no such path" } }, {
          status: 404,
        });
      }
      const body = await http.json();
      const request: MockRequest = {
        body,
        index: count++,
        authorization: http.headers.get("authorization"),
      };
      if (keepLog) {
        log.push(request);
        const key = JSON.stringify(body.messages);
        asked.set(key, (asked.get(key) ?? 0) + 1);
      }
      state.most = Math.max(state.most, ++now);
      try {
        if (options.latencyMs) await new Promise((resolve) => setTimeout(resolve, options.latencyMs));
        return await options.respond?.(request) ??
          completionResponse((options.text ?? mockText)(request), "stop", body.model);
      } finally {
        now--;
      }
    },
  );
  return {
    base: `http://127.0.0.1:${server.addr.port}/v1`,
    asked,
    log,
    get most() {
      return state.most;
    },
    async [Symbol.asyncDispose]() {
      await server.shutdown();
    },
  };
}

/** A completion as OpenAI's API writes it, with status 200. @param model Name that it gives to itself; default: none */
export function completionResponse(content: string | null, finish = "stop", model?: string): Response {
  return Response.json({
    id: "chatcmpl-mock",
    object: "chat.completion",
    created: 0,
    model,
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: finish }],
    usage: { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 },
  });
}

/** An answer to a prompt, or a judgement in TRACE's format with 10 for most constraints and an 8 for some. */
export function mockText({ body }: MockRequest): string {
  const prompt = body.messages.at(-1)?.content ?? "";
  const from = prompt.lastIndexOf("< constraints >:");
  const found = from < 0 ? undefined : prompt.slice(from + 16, prompt.indexOf("< response >:", from));
  if (found === undefined) return `An answer to: ${prompt.slice(0, 200)}`;
  const constraints = found.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const scores = Object.fromEntries(constraints.map((text) => [text, text.length % 7 === 0 ? 8 : 10]));
  const overall = Object.values(scores).every((score) => score === 10) ? 10 : 6;
  return `Explanation:\n${constraints.map((c) => `- ${c}: looked at`).join("\n")}\n` +
    `Fine Grained Score: [${JSON.stringify(scores)}]\nConstraints Overall Score: [[${overall}]]`;
}
