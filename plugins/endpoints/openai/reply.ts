/**
 * Reads replies of chat completions, whole ones and pieces of streams alike: one reader, so that both ways of answering give
 * the same.
 *
 * Servers differ: content is a text or a list of parts; thoughts come in `reasoning_content` (vLLM up to 0.10, DeepSeek),
 * `reasoning` (vLLM, OpenRouter, Ollama), `thinking`, `reasoning_details`, `thinking_blocks` (LiteLLM), or parts of type
 * `thinking` (Mistral); pieces of streams come in `delta` or in `message`; counts of tokens are missing, null, 0 or texts.
 * @module
 */
import { AnswerError } from "../failures.ts";
import { finishOf, otherEnd } from "./ends.ts";
import { minimaxError } from "./minimax.ts";

/** An error that stands in a reply whose status says that all is well. */
export class ReplyError extends Error {
  /** The error as the server wrote it. */
  readonly body: Readonly<Record<string, unknown>>;
  /**
   * An error in a reply.
   * @param body As the server wrote it
   */
  constructor(body: Readonly<Record<string, unknown>>) {
    super(typeof body.message === "string" ? body.message : JSON.stringify(body));
    this.name = "ReplyError";
    this.body = body;
  }
}

/** A reply put together. */
export interface Reply {
  /** Content; null when there was none, which isn't the same as an empty one. */
  text: string | null;
  /** Thought that the server set apart; "" without one. */
  thought: string;
  /** The server's refusal in place of an answer; "" without one. */
  refusal: string;
  /** Name of the first tool that the reply calls, "" where it has none; null when it calls none. */
  called: string | null;
  /** The server's name of the end; null when it gives none. */
  finish: string | null;
  /** The server's name of the model that answered; null when it gives none. */
  model: string | null;
  /** Tokens of the request; null when the server doesn't say. */
  promptTokens: number | null;
  /** Tokens of thought and answer; null when the server doesn't say. */
  completionTokens: number | null;
  /** Tokens of a thought that may not be shown. */
  thoughtTokens: number;
}

type Json = Readonly<Record<string, unknown>>;

/** Puts a reply together. */
export class ReplyReader {
  #text: string | null = null;
  #thought = "";
  #refusal = "";
  #called: string | null = null;
  #finish: string | null = null;
  #model: string | null = null;
  #usage: Json = {};
  #found = false;

  /**
   * Adds a whole reply or a piece of a stream.
   * @throws {ReplyError} If it is an error
   * @throws {AnswerError} If it isn't what the protocol says
   */
  add(given: unknown): void {
    // Gemini puts its errors into a list
    const piece = Array.isArray(given) && given.length === 1 ? given[0] : given;
    if (!isMap(piece)) throw new AnswerError("malformed", `the answer has no choices: ${excerpt(piece)}`);
    if (isError(piece.error)) throw replyError(piece.error);
    if (piece.object === "error") throw new ReplyError(piece);
    const { base_resp } = piece;
    if (isMap(base_resp) && Number(base_resp.status_code ?? 0) !== 0) {
      throw new ReplyError(minimaxError(base_resp));
    }
    if (isMap(piece.usage)) this.#usage = piece.usage;
    if (typeof piece.model === "string" && piece.model !== "") this.#model ??= piece.model;
    // answers beside the first one (n > 1) don't belong to it
    const choice = Array.isArray(piece.choices)
      ? piece.choices.filter(isMap).find(({ index }) => Number(index ?? 0) === 0)
      : undefined;
    if (choice === undefined) return;
    // OpenRouter, where the provider behind it fails while it answers: what came so far is no answer
    if (isError(choice.error)) throw replyError(choice.error);
    this.#finish = finishOf(choice.finish_reason) ?? this.#finish;
    // what a filter holds back may have no message at all
    this.#found ||= isMap(choice.delta) || isMap(choice.message) || typeof choice.text === "string" ||
      otherEnd(this.#finish) === "content_filter";
    for (const part of [choice.delta, choice.message]) if (isMap(part)) this.#called ??= calledIn(part);
    if (isMap(choice.delta)) this.#add(readMessage(choice.delta));
    else if (isMap(choice.message)) this.#addMessage(readMessage(choice.message));
    else if (typeof choice.text === "string") this.#add({ text: choice.text, thought: "", refusal: "" });
  }

  /** True if there was an answer, be it an empty one. */
  get found(): boolean {
    return this.#found;
  }

  /** The whole so far. */
  get reply(): Reply {
    const details = this.#usage.completion_tokens_details;
    return {
      text: this.#text,
      thought: this.#thought,
      refusal: this.#refusal,
      called: this.#called,
      finish: this.#finish,
      model: this.#model,
      promptTokens: count(this.#usage.prompt_tokens ?? this.#usage.input_tokens),
      completionTokens: count(this.#usage.completion_tokens ?? this.#usage.output_tokens),
      thoughtTokens: (isMap(details) ? count(details.reasoning_tokens) : null) ?? 0,
    };
  }

  #add({ text, thought, refusal }: Message): void {
    if (text !== null) this.#text = (this.#text ?? "") + text;
    this.#thought += thought;
    this.#refusal += refusal;
  }

  /** Messages in streams are pieces with some servers, and all so far with others. */
  #addMessage(message: Message): void {
    const before = this.#text ?? "", now = message.text ?? "";
    const isAllSoFar = before !== "" && now.startsWith(before) &&
      (now.length > before.length || this.#finish !== null);
    if (!isAllSoFar) return this.#add(message);
    this.#text = now;
    if (message.thought.startsWith(this.#thought)) this.#thought = message.thought;
  }
}

interface Message {
  text: string | null;
  thought: string;
  refusal: string;
}

/** @throws {AnswerError} If the content isn't text. */
function readMessage(message: Json): Message {
  const { text, thought, refusal } = readContent(message.content);
  // several names of the same: whoever sends two of them sends the same text twice
  const { reasoning_content, reasoning, thinking, reasoning_details, thinking_blocks } = message;
  const fields = [reasoning_content, reasoning, thinking, reasoning_details, thinking_blocks].map(textOf);
  const said = typeof message.refusal === "string" ? message.refusal : "";
  return { text, thought: thought || (fields.find((field) => field !== "") ?? ""), refusal: refusal || said };
}

function readContent(content: unknown): Message {
  const message: Message = { text: null, thought: "", refusal: "" };
  if (content === undefined || content === null) return message;
  if (typeof content === "string") return { ...message, text: content };
  for (const part of Array.isArray(content) ? content : [content]) {
    if (typeof part === "string") message.text = (message.text ?? "") + part;
    else if (isMap(part) && THOUGHT_TYPES.has(String(part.type))) {
      message.thought += textOf(part.thinking ?? part.reasoning ?? part.text ?? part.summary);
    } else if (isMap(part) && part.type === "refusal") message.refusal += textOf(part.refusal ?? part.text);
    else if (isMap(part) && (typeof part.text === "string" || isMap(part.text))) {
      message.text = (message.text ?? "") + textOf(part.text);
    } else if (!isMap(part) || (part.text !== null && !WITHOUT_TEXT.has(String(part.type)))) {
      throw new AnswerError("malformed", `the answer's content isn't text: ${excerpt(content)}`);
    }
  }
  return message;
}

const THOUGHT_TYPES: ReadonlySet<string> = new Set(["thinking", "reasoning", "thought", "redacted_thinking"]);
/** Calls of tools as parts; most servers have a field of their own for them. */
const CALLS: ReadonlySet<string> = new Set(["tool_use", "tool_call", "function_call"]);
/** Parts that belong to an answer and have no text. */
const WITHOUT_TEXT: ReadonlySet<string> = new Set(["reference", ...CALLS]);

/** Name of the first tool that a message calls, "" without one; null where it calls none. */
function calledIn({ tool_calls, function_call, content }: Json): string | null {
  const parts = Array.isArray(content)
    ? content.filter((part) => isMap(part) && CALLS.has(String(part.type)))
    : [];
  const calls = [...Array.isArray(tool_calls) ? tool_calls : [], function_call, ...parts].filter(isMap);
  if (calls.length === 0) return null;
  const names = calls.flatMap((call) => [isMap(call.function) ? call.function.name : undefined, call.name]);
  return names.find((name) => typeof name === "string") ?? "";
}

/** Text of a text, a list of parts, or `{value}`. */
function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(textOf).join("");
  if (!isMap(value)) return "";
  return textOf(value.text ?? value.value ?? value.content ?? value.thinking ?? value.summary ?? "");
}

/** A whole number >= 0, also as a text; null for anything else. */
function count(value: unknown): number | null {
  const number = typeof value === "string" && /^\d+$/.test(value.trim()) ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) && number >= 0 ? Math.round(number) : null;
}

/** Beginning of a value, on one line. */
export function excerpt(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "";
  const short = text.slice(0, 120).replaceAll(/\s+/g, " ");
  return JSON.stringify(text.length > 120 ? `${short}…` : short);
}

/** The error in a field for errors: a map as a rule, a text, or a list of either. */
function replyError(value: unknown): ReplyError {
  const first = Array.isArray(value) ? value.find(isError) : value;
  return new ReplyError(isMap(first) ? first : { message: String(first) });
}

/** True unless a field for errors says that there is none: some gateways send it with every answer, empty. */
function isError(value: unknown): boolean {
  return typeof value === "object" && value !== null
    ? Object.values(value).some(isError)
    : !NO_ERROR.has(value);
}

const NO_ERROR: ReadonlySet<unknown> = new Set([undefined, null, "", false, 0, "0"]);

function isMap(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
