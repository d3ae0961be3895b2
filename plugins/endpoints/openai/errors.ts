/**
 * The meaning of errors of an OpenAI-compatible server, or of the way there.
 * @module
 */
import {
  APIConnectionError,
  APIConnectionTimeoutError,
  APIError,
  APIUserAbortError,
} from "openai/core/error";

import { isPermissionFault, withPermissionWords } from "../../../formats/permission_words.ts";
import type { Completion } from "../../kinds/endpoint.ts";
import { AnswerError, failed } from "../failures.ts";
import { hintFor } from "./hints.ts";
import { otherProtocol } from "./other_protocol.ts";
import { isQuota } from "./quota.ts";
import { readable } from "./readable.ts";
import { ReplyError } from "./reply.ts";
import { retryAfter, waitIn } from "./waits.ts";
import { answerless, isContextLength, isLimitTooHigh, isNoModel, isPolicy } from "./without_answer.ts";

/** Facts of a request, for messages. */
export interface AskedRequest {
  /** Base URL of the endpoint. */
  where: string;
  /** Environment variable of the key. */
  keyName: string;
  /** Milliseconds, to read a date in Retry-After. */
  now: number;
  /** Body of the request. */
  body: Readonly<Record<string, unknown>>;
}

/** The outcome of what was thrown while asking. */
export function outcomeOf(error: unknown, asked: AskedRequest): Completion {
  const { where } = asked;
  const cause = chain(error).find((e) => e instanceof AnswerError || e instanceof ReplyError);
  if (cause instanceof AnswerError) return failed(cause.kind, `${where}: ${cause.message}`);
  if (cause instanceof ReplyError) return replyFailure(cause, asked);
  if (error instanceof APIUserAbortError) return failed("connection", `${where}: given up`);
  if (error instanceof APIConnectionTimeoutError) {
    return failed("timeout", `${where}: no answer in time; raise args.timeout if answers take long`);
  }
  if (error instanceof APIConnectionError) return connectionFailure(error, where);
  if (error instanceof APIError && error.status !== undefined) {
    const { status, message, code, type, param, headers } = error;
    return statusFailure({ status, message, code, type, param, headers }, asked);
  }
  return failed("malformed", `${where}: ${error instanceof Error ? error.message : error}`);
}

/** An error that a server tells, however it came. */
interface ServerError {
  status: number;
  message: string;
  code: string | null | undefined;
  type: string | undefined;
  param: string | null | undefined;
  headers: Headers | undefined;
}

/** An error inside of a reply: its code may be a status; without one, the server failed while it answered. */
function replyFailure({ message, body }: ReplyError, asked: AskedRequest): Completion {
  const { code, status, type, param } = body;
  const said = `the reply says: ${message}`;
  const numbers = [code, status].map(Number).filter((n) => Number.isInteger(n) && n >= 400 && n < 600);
  const [codeText, typeText] = [code, type].map((name) => typeof name === "string" ? name : undefined);
  const isTheirs = !isPolicy(message, codeText, typeText) && !isQuota(message, codeText, typeText);
  return statusFailure({
    status: numbers[0] ?? (isTheirs ? 500 : 400),
    message: said,
    code: codeText,
    type: typeText,
    param: typeof param === "string" ? param : undefined,
    headers: undefined,
  }, asked);
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
  const lacking = chain(error).find((e) => isPermissionFault(e.message));
  if (lacking !== undefined) return failed("settings", `${where}: ${withPermissionWords(lacking.message)}`);
  const [blocked] = /Requests to port \d+ are blocked/i.exec(texts) ?? [];
  if (blocked !== undefined) {
    return failed("settings", `${where}: ${blocked}, as in browsers; let the server listen at another port`);
  }
  const last = withoutPorts(chain(error).at(-1)?.message ?? "");
  const advice = otherProtocol(last);
  if (advice !== undefined) return failed("refused", `${where}: ${advice}`);
  return failed("connection", `${where}: the connection broke off (${last})`);
}

/** Deno's words without their beginning, which has the port that this request happened to get: else no two errors were alike. */
function withoutPorts(words: string): string {
  return words.replace(/^error sending request from \S+ for \S+ \([^)]*\): /, "");
}

function statusFailure(error: ServerError, { where, keyName, now, body }: AskedRequest): Completion {
  const { status, message, code, type, headers } = error;
  const said = `${where}: ${readable(message).slice(0, 500).replace(/\.\s*$/, "")}`;
  if (status < 500 && status !== 429 && isPolicy(message, code, type)) {
    return answerless("content_filter", said);
  }
  if (status >= 400 && status < 500 && isNoModel(message, code, type)) {
    return failed("not_found", `${said}; check args.name`);
  }
  // where a server itself failed, its words may be of anything: only a code is sure
  if (status === 402 || isQuota(status < 500 ? message : "", code, type)) {
    return failed("quota", `${said}; the account of this key has nothing left: add to it, or use another`);
  }
  if (status === 401 || status === 403) {
    return failed("auth", `${said}; put a valid key into the environment variable ${keyName}`);
  }
  if (status === 404 || status === 405 || status === 410) {
    return failed("not_found", `${said}; check args.name and args.api_base`);
  }
  if (status === 429) return failed("rate_limit", said, retryAfter(headers, now) ?? waitIn(message));
  if (status === 408 || status === 425) return failed("timeout", said, retryAfter(headers, now));
  const hint = hintFor(error, body);
  if (PASSING.has(status) || status >= 500) {
    // llama.cpp's server reports a full context as 500 in some versions, and what a chat template refuses in all
    const theirs = !isContextLength(message, code, type) && !hint?.ofTemplate;
    if (theirs) return failed("server", said, retryAfter(headers, now));
  }
  if (hint !== undefined) {
    return failed(hint.everywhere ? "settings" : "bad_request", `${said}; ${hint.text}`);
  }
  if (isLimitTooHigh(message, error.param)) {
    return failed("bad_request", `${said}; lower run_args.max_tokens`);
  }
  if (isContextLength(message, code, type)) return answerless("context_length", said);
  return failed("bad_request", said);
}

/** Beside those from 500 on: TGI's for what fails while it answers (424), Groq's for no room (498), a proxy's for a client that left (499). */
const PASSING: ReadonlySet<number> = new Set([409, 424, 498, 499]);

function chain(error: unknown): Error[] {
  const found: Error[] = [];
  for (let e = error; e instanceof Error && found.length < 8; e = e.cause) found.push(e);
  return found;
}
