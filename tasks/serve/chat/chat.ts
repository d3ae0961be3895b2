/**
 * `/v1/chat/completions`.
 * @module
 */
import type { Context } from "hono";

import { item } from "../../../formats/elements.ts";
import type { ThoughtTags } from "../../../plugins/kinds/endpoint.ts";
import { type AnsweredCall, type AnswerPart, callsOf, textOfParts } from "../reading/answer_parts.ts";
import { AnswerReader } from "../reading/answer_reader.ts";
import type { WholeAnswer } from "../answers/answers.ts";
import { tellUnused, tierOf } from "../fields/apart_fields.ts";
import { badRequest } from "../api_error.ts";
import { askedChat, type ChatAsked } from "./chat_asked.ts";
import { ChatFields, type ChatRequest, readFields } from "../fields/fields.ts";
import { callId, randomId } from "../answers/ids.ts";
import { type ChatLogprob, chatLogprob, rankedPrompt } from "../answers/logprobs.ts";
import type { ServedModel } from "../models.ts";
import { answerRequest, modelOf, type Service, type Writing } from "../run.ts";
import type { Told } from "../counts/told.ts";
import { usageOf, usageSoFar, usageWanted } from "../answers/usage.ts";

/** Answers a chat request. */
export async function chatCompletion(c: Context, service: Service, body: unknown): Promise<Response> {
  const request = readFields(ChatFields, body);
  const model = modelOf(service, request.model);
  (c.get("told") as Told).model = model.id;
  const { asked, opened, format, offered, unused } = askedChat(request, model, service);
  const writing = new ChatWriting({
    request,
    model,
    promptTokens: asked.prompt.length,
    tags: service.tags,
    opened,
    format,
    offered,
  });
  tellUnused(c, unused);
  return await answerRequest(c, service, { asked: [asked], stream: request.stream ?? false, writing });
}

/** A chat request whose answers are made, and what their text is read by. */
interface ChatToWrite extends Pick<ChatAsked, "opened" | "format" | "offered"> {
  request: ChatRequest;
  model: ServedModel;
  promptTokens: number;
  tags: readonly ThoughtTags[];
}

/** A chat's answers in OpenAI's shape. */
class ChatWriting implements Writing {
  readonly #id = randomId("chatcmpl-");
  readonly #created = Math.floor(Date.now() / 1000);
  readonly #streams: { reader: AnswerReader; calls: number; tokens: number }[];

  constructor(readonly chat: ChatToWrite) {
    const { request } = chat;
    if (request.stream_options != null && request.stream !== true) {
      throw badRequest("Cannot use stream_options without stream: set stream to true", "stream_options");
    }
    this.#streams = Array.from(
      { length: request.n ?? 1 },
      () => ({ reader: this.#reader(), calls: 0, tokens: 0 }),
    );
  }

  whole([answers = []]: readonly WholeAnswer[][]): unknown {
    const choices = answers.map((answer, index) => {
      const reader = this.#reader();
      const parts = [...reader.push(answer.text), ...reader.end()];
      const said = textOfParts(parts, "content"), thought = textOfParts(parts, "reasoning");
      const calls = callsOf(parts).map((call) => this.#call(call));
      return {
        index,
        message: {
          role: "assistant",
          content: said === "" && calls.length > 0 ? null : said,
          refusal: null,
          ...(thought !== "" && { reasoning: thought }),
          ...(calls.length > 0 && { tool_calls: calls }),
        },
        logprobs: this.#logprobs(
          answer.logprobs.map((each) => chatLogprob(this.chat.model.local.tokenizer, each)),
        ),
        finish_reason: finishOf(answer, calls.length),
        stop_reason: stopReason(answer, this.chat.request),
      };
    });
    const [first] = answers, { prompt_logprobs: count } = this.chat.request;
    return {
      ...this.#head("chat.completion"),
      choices,
      usage: usageOf([answers]),
      ...(count != null && first &&
        { prompt_logprobs: rankedPrompt(this.chat.model.local.tokenizer, first, count) }),
    };
  }

  begin(): unknown[] {
    return this.#streams.map((_, index) => this.#chunk(index, { role: "assistant", content: "" }, {}, 0));
  }

  news(_: number, { index, text, logprobs, end }: Parameters<Writing["news"]>[1]): unknown[] {
    const stream = item(this.#streams, index);
    stream.tokens++;
    const read = [...stream.reader.push(text), ...end === null ? [] : stream.reader.end()];
    const told = logprobs.map((each) => chatLogprob(this.chat.model.local.tokenizer, each));
    const deltas = this.#deltas(index, read, told);
    if (end === null) return deltas;
    const finish_reason = finishOf(end, stream.calls), stop_reason = stopReason(end, this.chat.request);
    return [...deltas, this.#chunk(index, {}, { finish_reason, stop_reason })];
  }

  end([answers = []]: readonly WholeAnswer[][]): unknown[] {
    if (!usageWanted(this.chat.request).atEnd) return [];
    return [{ ...this.#head("chat.completion.chunk"), choices: [], usage: usageOf([answers]) }];
  }

  #reader(): AnswerReader {
    const { request, tags, opened, format, offered } = this.chat;
    const once = request.parallel_tool_calls === false;
    return new AnswerReader(tags, opened, format && { format, offered, once });
  }

  #deltas(index: number, parts: readonly AnswerPart[], logprobs: readonly ChatLogprob[]): unknown[] {
    const stream = item(this.#streams, index);
    // log-probabilities come with the first piece that follows them; an empty one where there is none
    const told = logprobs.length > 0 ? { logprobs: this.#logprobs(logprobs) } : {};
    const deltas = parts.flatMap((part): Record<string, unknown>[] => {
      if (part.type === "called") return [];
      if (part.type === "call") {
        const call = this.#call({ name: part.name, arguments: "" });
        return [{ tool_calls: [{ index: stream.calls++, ...call }] }];
      }
      if (part.type !== "arguments") return [{ [part.type]: part.text }];
      return [{ tool_calls: [{ index: stream.calls - 1, function: { arguments: part.text } }] }];
    });
    if (deltas.length === 0 && logprobs.length > 0) deltas.push({ content: "" });
    return deltas.map((delta, i) => this.#chunk(index, delta, i === 0 ? told : {}));
  }

  #logprobs(content: readonly ChatLogprob[]): { content: readonly ChatLogprob[]; refusal: null } | null {
    return this.chat.request.logprobs === true ? { content, refusal: null } : null;
  }

  #call(call: AnsweredCall): Record<string, unknown> {
    return { id: callId(this.chat.format), type: "function", function: call };
  }

  #head(object: string): Record<string, unknown> {
    return {
      id: this.#id,
      object,
      created: this.#created,
      model: this.chat.model.id,
      ...tierOf(this.chat.request),
    };
  }

  #chunk(
    index: number,
    delta: unknown,
    more: Record<string, unknown> = {},
    tokens = item(this.#streams, index).tokens,
  ): unknown {
    return {
      ...this.#head("chat.completion.chunk"),
      choices: [{ index, delta, logprobs: null, finish_reason: null, ...more }],
      ...usageSoFar(this.chat.request, this.chat.promptTokens, tokens),
    };
  }
}

/** Reason for which an answer ended. One that was cut isn't whole, whatever calls stand in it. */
function finishOf({ finish }: Pick<WholeAnswer, "finish">, calls: number): string {
  return calls > 0 && finish !== "length" ? "tool_calls" : finish;
}

/** The stop text or id of the request that ended an answer; null for the model's own end. */
export function stopReason(
  { stop }: Pick<WholeAnswer, "stop">,
  { stop_token_ids }: { stop_token_ids?: number[] | null | undefined },
): string | number | null {
  return typeof stop === "string" || (stop !== null && stop_token_ids?.includes(stop)) ? stop : null;
}
