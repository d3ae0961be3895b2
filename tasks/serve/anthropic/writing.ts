/**
 * A message in Anthropic's shape, whole and as a stream of named events.
 * @module
 */
import { AnswerReader } from "../reading/answer_reader.ts";
import { type AnswerNews, newsOf, type WholeAnswer } from "../answers/answers.ts";
import type { ApiError } from "../api_error.ts";
import type { ChatAsked } from "../chat/chat_asked.ts";
import { randomId } from "../answers/ids.ts";
import type { Service, Writing } from "../run.ts";
import { Content } from "./content.ts";
import { errorBody } from "./error_body.ts";
import type { MessageRequest } from "./fields.ts";

/** What a message is written by beside its request. */
export interface MessageOptions extends Pick<Service, "tags"> {
  /** Of the request, for an error within a stream. */
  requestId: string;
}

/** Writes one message. */
export class MessageWriting implements Writing {
  readonly #id = randomId("msg_");
  readonly #content: Content;

  constructor(request: MessageRequest, readonly chat: ChatAsked, readonly options: MessageOptions) {
    const { opened, format, offered } = chat, { tool_choice, thinking } = request;
    const once = tool_choice != null && tool_choice.type !== "none" &&
      tool_choice.disable_parallel_tool_use === true;
    this.#content = new Content({
      reader: new AnswerReader(options.tags, opened, format && { format, offered, once }),
      format,
      omitsThoughts: thinking != null && thinking.type !== "disabled" && thinking.display === "omitted",
    });
  }

  whole([answers = []]: readonly WholeAnswer[][]): unknown {
    const [answer] = answers;
    if (answer === undefined) throw new TypeError("Cannot write a message without an answer");
    for (const news of newsOf(this.chat.asked, answer)) this.#content.push(news);
    const { blocks } = this.#content, calls = blocks.filter(({ type }) => type === "tool_use").length;
    return { ...this.#head(), content: blocks, ...this.#end(answer, calls), usage: this.#usage(answer) };
  }

  begin(): unknown[] {
    const { prompt } = this.chat.asked;
    const usage = this.#usage({ promptTokens: prompt.length, cachedTokens: 0, ids: [] });
    const message = { ...this.#head(), content: [], stop_reason: null, stop_sequence: null, usage };
    return [{ type: "message_start", message }];
  }

  news(_: number, news: AnswerNews): unknown[] {
    return this.#content.push(news);
  }

  end([answers = []]: readonly WholeAnswer[][]): unknown[] {
    const [answer] = answers;
    if (answer === undefined) return [];
    const { service_tier: _, inference_geo: __, cache_creation: ___, speed: ____, ...usage } = this.#usage(
      answer,
    );
    const delta = { container: null, stop_details: null, ...this.#end(answer, this.#content.callsBegun) };
    return [{ type: "message_delta", delta, usage }, { type: "message_stop" }];
  }

  failed(error: ApiError): unknown[] {
    return [errorBody(error, this.options.requestId)];
  }

  #head(): Record<string, unknown> {
    const { id } = this.chat.asked.model;
    return {
      id: this.#id,
      type: "message",
      role: "assistant",
      model: id,
      container: null,
      stop_details: null,
      diagnostics: null,
    };
  }

  /** Why it ended. One that was cut isn't whole, whatever calls stand in it. */
  #end(
    { finish, stop }: Pick<WholeAnswer, "finish" | "stop">,
    calls: number,
  ): { stop_reason: string; stop_sequence: string | null } {
    const stop_sequence = typeof stop === "string" ? stop : null;
    const stop_reason = finish === "length"
      ? "max_tokens"
      : stop_sequence !== null
      ? "stop_sequence"
      : calls > 0
      ? "tool_use"
      : "end_turn";
    return { stop_reason, stop_sequence };
  }

  /** Counts of tokens. Those of the prompt that were known from another request are counted apart. */
  #usage({ promptTokens, cachedTokens, ids }: Pick<WholeAnswer, "promptTokens" | "cachedTokens" | "ids">) {
    return {
      input_tokens: promptTokens - cachedTokens,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: cachedTokens,
      cache_creation: null,
      output_tokens: ids.length,
      output_tokens_details: { thinking_tokens: this.#content.thinkingTokens },
      server_tool_use: null,
      service_tier: "standard",
      speed: null,
      inference_geo: null,
    };
  }
}
