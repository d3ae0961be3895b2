/**
 * What an error of an OpenAI-compatible server, or of the way there, means.
 * @module
 */
import { APIConnectionError, APIConnectionTimeoutError, APIError, APIUserAbortError } from "openai";

import type { Completion } from "../kinds/endpoint.ts";
import { AnswerError, failed } from "./failures.ts";

/**
 * The outcome of what was thrown while asking.
 * @param where Address, for messages
 * @param keyName Environment variable of the key, for messages
 * @param now Milliseconds, to read a date in Retry-After
 */
export function outcomeOf(error: unknown, where: string, keyName: string, now: number): Completion {
  const cause = deepest(error, (e) => e instanceof AnswerError);
  if (cause instanceof AnswerError) return failed(cause.kind, `${where}: ${cause.message}`);
  if (error instanceof APIUserAbortError) return failed("connection", `${where}: given up`);
  if (error instanceof APIConnectionTimeoutError) {
    return failed("timeout", `${where}: no answer in time; raise args.timeout if answers take long`);
  }
  if (error instanceof APIConnectionError) return connectionFailure(error, where);
  if (error instanceof APIError) {
    // an error inside of a stream has no status
    return error.status === undefined ? inStream(error, where) : statusFailure(error, where, keyName, now);
  }
  return failed("malformed", `${where}: ${error instanceof Error ? error.message : error}`);
}

function connectionFailure(error: Error, where: string): Completion {
  const texts = chain(error).map((e) => `${(e as { code?: string }).code ?? ""} ${e.message}`).join(" ");
  if (/ECONNREFUSED|connection refused|os error 111|os error 61/i.test(texts)) {
    return failed(
      "refused",
      `${where}: connection refused, nothing listens there; start the server or set args.api_base`,
    );
  }
  if (/dns|ENOTFOUND|failed to lookup|name or service/i.test(texts)) {
    return failed("refused", `${where}: there is no such host; set args.api_base`);
  }
  if (/NotCapable|Requires net access/i.test(texts)) {
    return failed("refused", `${where}: ${texts.trim()}`);
  }
  const last = chain(error).at(-1)?.message ?? "";
  return failed("connection", `${where}: the connection broke off (${last})`);
}

function statusFailure(error: APIError, where: string, keyName: string, now: number): Completion {
  const { status, message, code, type } = error as APIError & { status: number };
  const said = `${where}: ${message.slice(0, 500)}`;
  if (status === 401 || status === 403) {
    return failed("auth", `${said}; put a valid key into the environment variable ${keyName}`);
  }
  if (status === 404) return failed("not_found", `${said}; check args.name and args.api_base`);
  if (status === 402 || code === "insufficient_quota") return failed("quota", said);
  if (status === 429) return failed("rate_limit", said, retryAfter(error.headers, now));
  if (status === 408 || status === 425) return failed("timeout", said, retryAfter(error.headers, now));
  if (status === 409 || status >= 500) {
    // llama.cpp's server reports a full context as 500 in some versions
    if (!isContextLength(message, code, type)) return failed("server", said, retryAfter(error.headers, now));
  }
  if (isLimitTooHigh(error, message)) return failed("bad_request", `${said}; lower run_args.max_tokens`);
  if (isContextLength(message, code, type)) {
    return { outcome: "context_length", text: "", promptTokens: 0, completionTokens: 0, error: said };
  }
  const hint = /response_format|json_schema/i.test(message) ? "; set args.structured: false" : "";
  return failed("bad_request", said + hint);
}

function inStream({ message, code, type }: APIError, where: string): Completion {
  const said = `${where}: the stream says: ${message.slice(0, 500)}`;
  return isContextLength(message, code, type)
    ? { outcome: "context_length", text: "", promptTokens: 0, completionTokens: 0, error: said }
    : failed("server", said);
}

/** Whether max_tokens alone is more than the model has: then every item would fail so, whatever its length. */
function isLimitTooHigh({ param }: APIError, message: string): boolean {
  // vLLM up to 0.10: "maximum context length is 2048 tokens. However, you requested 4126 tokens (30 in the messages, 4096 in …"
  const counts = /maximum context length is (\d+) tokens.* (\d+) in the completion/s.exec(message);
  return param === "max_tokens" || param === "max_completion_tokens" ||
    (counts !== null && Number(counts[2]) >= Number(counts[1]));
}

/** OpenAI, vLLM and llama.cpp each say it in another way. */
function isContextLength(message: string, code?: string | null, type?: string): boolean {
  return code === "context_length_exceeded" || type === "exceed_context_size_error" ||
    /context[ _]?(length|window|size)|maximum (context|model) length|max_model_len|prompt is too long|too many tokens/i
      .test(message);
}

/** Milliseconds that `retry-after-ms` or `retry-after` (seconds or a date) ask for, at most an hour. */
export function retryAfter(headers: Headers | undefined, now: number): number | undefined {
  const ms = headers?.get("retry-after-ms");
  const text = headers?.get("retry-after");
  const value = ms != null && ms !== ""
    ? Number(ms)
    : text == null || text === ""
    ? NaN
    : Number.isFinite(Number(text))
    ? Number(text) * 1000
    : Date.parse(text) - now;
  return Number.isFinite(value) ? Math.min(Math.max(value, 0), 3_600_000) : undefined;
}

function chain(error: unknown): Error[] {
  const found: Error[] = [];
  for (let e = error; e instanceof Error && found.length < 8; e = e.cause) found.push(e);
  return found;
}

function deepest(error: unknown, is: (e: Error) => boolean): Error | undefined {
  return chain(error).find(is);
}
