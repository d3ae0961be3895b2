/**
 * A response in OpenAI's shape, whole and as a stream of named events.
 * @module
 */
import { AnswerReader } from "../reading/answer_reader.ts";
import { type AnswerNews, newsOf, type WholeAnswer } from "../answers/answers.ts";
import type { ApiError } from "../api_error.ts";
import { tierOf } from "../fields/apart_fields.ts";
import type { ChatAsked } from "../chat/chat_asked.ts";
import { randomId } from "../answers/ids.ts";
import type { Service, Writing } from "../run.ts";
import { usageOf } from "../answers/usage.ts";
import type { ResponseRequest } from "./fields.ts";
import type { ItemEvent } from "./items.ts";
import { Output } from "./output.ts";

/** Events in front of the first token. */
const FIRST = ["response.created", "response.in_progress"] as const;

/** Writes one response. */
export class ResponseWriting implements Writing {
  readonly #id = randomId("resp_");
  readonly #created = Math.floor(Date.now() / 1000);
  readonly #output: Output;
  /** Number of the next event. */
  #next: number = FIRST.length;

  constructor(readonly request: ResponseRequest, readonly chat: ChatAsked, { tags }: Pick<Service, "tags">) {
    const { asked: { model }, opened, format, offered } = chat;
    const once = request.parallel_tool_calls === false;
    this.#output = new Output({
      reader: new AnswerReader(tags, opened, format && { format, offered, once }),
      tokenizer: model.local.tokenizer,
      format,
    });
  }

  whole([answers = []]: readonly WholeAnswer[][]): unknown {
    const [answer] = answers;
    if (answer === undefined) throw new TypeError("Cannot write a response without an answer");
    for (const news of newsOf(this.chat.asked, answer)) this.#output.push(news);
    return this.#ended(answer);
  }

  begin(): unknown[] {
    const response = { ...this.#head(), status: "in_progress", output: [], usage: null };
    return FIRST.map((type, sequence_number) => ({ type, sequence_number, response }));
  }

  news(_: number, news: AnswerNews): unknown[] {
    return this.#numbered(this.#output.push(news));
  }

  end([answers = []]: readonly WholeAnswer[][]): unknown[] {
    const [answer] = answers;
    if (answer === undefined) return [];
    const response = this.#ended(answer);
    return this.#numbered([{ type: `response.${response["status"]}`, response }]);
  }

  failed({ message, fields: { status } }: ApiError): unknown[] {
    const error = { code: status >= 500 ? "server_error" : "invalid_prompt", message };
    const response = { ...this.#head(), status: "failed", error, output: this.#output.items, usage: null };
    return this.#numbered([{ type: "response.failed", response }]);
  }

  #numbered(events: readonly ItemEvent[]): unknown[] {
    return events.map(({ type, ...fields }) => ({ type, sequence_number: this.#next++, ...fields }));
  }

  #ended(answer: WholeAnswer): Record<string, unknown> {
    const isCut = answer.finish === "length";
    const { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details } = usageOf([[answer]]);
    return {
      ...this.#head(),
      status: isCut ? "incomplete" : "completed",
      ...(isCut
        ? { incomplete_details: { reason: "max_output_tokens" } }
        : { completed_at: Math.floor(Date.now() / 1000) }),
      output: this.#output.items,
      usage: {
        input_tokens: prompt_tokens,
        input_tokens_details: { ...prompt_tokens_details, cache_write_tokens: 0 },
        output_tokens: completion_tokens,
        output_tokens_details: { reasoning_tokens: this.#output.reasoningTokens },
        total_tokens,
      },
    };
  }

  /** What is known from the beginning. */
  #head(): Record<string, unknown> {
    const { request, chat: { asked: { model, sampling } } } = this;
    const { user, safety_identifier, prompt_cache_key } = request;
    return {
      id: this.#id,
      object: "response",
      created_at: this.#created,
      completed_at: null,
      model: model.id,
      error: null,
      incomplete_details: null,
      instructions: request.instructions ?? null,
      metadata: request.metadata ?? {},
      max_output_tokens: request.max_output_tokens ?? null,
      max_tool_calls: request.max_tool_calls ?? null,
      parallel_tool_calls: request.parallel_tool_calls ?? true,
      previous_response_id: null,
      reasoning: { effort: request.reasoning?.effort ?? null, summary: null },
      store: false,
      background: false,
      temperature: sampling.temperature ?? 1,
      top_p: sampling.top_p ?? 1,
      text: { format: request.text?.format ?? { type: "text" }, verbosity: "medium" },
      tool_choice: request.tool_choice ?? "auto",
      tools: (request.tools ?? []).map((tool) => ({ parameters: null, strict: null, ...tool })),
      top_logprobs: request.top_logprobs ?? 0,
      truncation: "disabled",
      ...(user != null && { user }),
      ...(safety_identifier != null && { safety_identifier }),
      ...(prompt_cache_key != null && { prompt_cache_key }),
      ...tierOf(request),
    };
  }
}
