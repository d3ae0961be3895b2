/**
 * The way of every request for answers: checked, given places, answered whole or as a stream, counted.
 * @module
 */
import type { Context } from "hono";
import { streamSSE } from "hono/streaming";

import type { ThoughtTags } from "../../plugins/kinds/endpoint.ts";
import { MaskError } from "../../kernels/engine/generate/generator.ts";
import { ApiError, badRequest, clientLeft, stopping, toApiError } from "./api_error.ts";
import type { AnswerNews, PromptAsked, WholeAnswer } from "./answers/answers.ts";
import { makeAnswers } from "./answers/answers.ts";
import type { GrammarOptions } from "./grammar/grammar.ts";
import type { Metrics } from "./counts/metrics.ts";
import type { Models, ServedModel } from "./models.ts";
import type { Places } from "./places.ts";
import type { Told } from "./counts/told.ts";
import type { TokenLimits } from "./sampling.ts";

/** State that the routes of one server share. */
export interface Service {
  /** The models that answer, by name. */
  models: Models;
  /** Limit of answers at once, and the queue for them. */
  places: Places;
  /** Tokens of one answer. */
  limits: TokenLimits;
  /** Counters of this server. */
  metrics: Metrics;
  /** Around thoughts in texts of models. */
  tags: readonly ThoughtTags[];
  /** Aborted when answers under way are to be given up. */
  ending: AbortSignal;
}

/** Form of a request's answers: whole or as a stream. */
export interface Writing {
  /** The reply's body. */
  whole(answers: readonly WholeAnswer[][]): unknown;
  /** Bodies in front of the first news. */
  begin(): unknown[];
  /** Bodies of news about a prompt's answer. */
  news(prompt: number, news: AnswerNews): unknown[];
  /** Bodies when all answers have ended: the usage if it is asked for. */
  end(answers: readonly WholeAnswer[][]): unknown[];
  /** Bodies of an error within a stream, where bodies are events named by their `type`, without `[DONE]` behind them. */
  failed?(error: ApiError): unknown[];
}

/** The model of a request. @throws {ApiError} 404 if there is none of that name */
export function modelOf({ models }: Service, name: string | null | undefined): ServedModel {
  const model = models.get(name ?? models.base);
  if (model !== undefined) return model;
  throw new ApiError(
    `The model ${JSON.stringify(name)} isn't served here${
      models.hint(name ?? "")
    }: GET /v1/models lists those that are`,
    { status: 404, type: "invalid_request_error", param: "model", code: "model_not_found" },
  );
}

/** What a request asks for, and how its answers are written. */
export interface Answering {
  /** One a prompt. */
  asked: readonly PromptAsked[];
  /** True: as events, while they are made. */
  stream: boolean;
  writing: Writing;
}

/** Carries out a request. */
export async function answerRequest(
  c: Context,
  service: Service,
  { asked, stream, writing }: Answering,
): Promise<Response> {
  for (const { model } of asked) if (model.rewards !== null) throw rewardsOnly(model);
  const gone = new AbortController();
  const listeners: NewsListener[] = [];
  const making = makeAllAnswers(c, service, { asked, gone, listeners: stream ? listeners : null });
  if (!stream) return c.json(writing.whole(await making) as Record<string, unknown>);

  const queue = new Outbox();
  listeners.push((prompt, news) => queue.push(...writing.news(prompt, news)));
  making.then((answers) => queue.end(...writing.end(answers)), (error) => queue.fail(error));
  // until then an error still has a status of its own
  await queue.first();
  return streamReply(c, writing, queue, gone);
}

/** Gets news about a prompt's answer. */
type NewsListener = (prompt: number, news: AnswerNews) => void;

/**
 * Makes all answers of a request in its places, and counts and tells them.
 * @param gone Aborted when the client has left
 * @param listeners Get the news; null: nobody does
 */
function makeAllAnswers(
  c: Context,
  { places, metrics, ending }: Service,
  { asked, gone, listeners }: {
    asked: readonly PromptAsked[];
    gone: AbortController;
    listeners: readonly NewsListener[] | null;
  },
): Promise<WholeAnswer[][]> {
  const told = c.get("told") as Told;
  const count = asked.reduce((sum, { sampling }) => sum + (sampling.n ?? 1), 0);
  const release = places.take(count, asked.length > 1 ? "prompt" : "n");
  const signal = AbortSignal.any([gone.signal, ending, c.req.raw.signal]);
  const timer = metrics.begin(told);
  return Promise.all(asked.map((each, prompt) => {
    const onNews = listeners === null ? undefined : (news: AnswerNews) => {
      timer.token();
      for (const listener of listeners) listener(prompt, news);
    };
    return makeAnswers(each, onNews, signal);
  })).then((answers) => {
    told.promptTokens = answers.reduce((sum, [first]) => sum + (first?.promptTokens ?? 0), 0);
    told.completionTokens = answers.flat().reduce((sum, { ids }) => sum + ids.length, 0);
    const finishes = answers.flat().map(({ finish }) => finish);
    told.finish = finishes.join(" ");
    timer.end(told, finishes);
    return answers;
  }).catch((error) => {
    const why = signal.aborted ? "gone" : "error";
    told.finish = why;
    timer.givenUp(why, count);
    // one prompt that fails ends the others of its request
    gone.abort(error);
    if (ending.aborted) throw stopping();
    throw why === "gone" ? clientLeft() : error instanceof MaskError ? maskRefused(error, asked) : error;
  }).finally(release);
}

/** A reply of events, one a body of the queue. */
function streamReply(c: Context, writing: Writing, queue: Outbox, gone: AbortController): Response {
  const reply = streamSSE(c, async (sse) => {
    sse.onAbort(() => gone.abort(new Error("the client left")));
    const named = writing.failed !== undefined;
    const write = async (body: unknown) =>
      await sse.writeSSE({
        data: JSON.stringify(body),
        ...(named && { event: (body as { type: string }).type }),
      });
    for (const body of writing.begin()) await write(body);
    try {
      for await (const body of queue) await write(body);
    } catch (error) {
      const told = toApiError(error);
      if (!sse.aborted) { for (const body of writing.failed?.(told) ?? [told.body]) await write(body); }
    }
    if (!sse.aborted && !named) await sse.writeSSE({ data: "[DONE]" });
  });
  // hono says for every client what the platform knows of this one's connection: whether it stays open, and how its end is seen
  for (const name of ["connection", "transfer-encoding"]) reply.headers.delete(name);
  return reply;
}

/** LLaMA-Factory's API refuses chats with a reward model, too. */
function rewardsOnly({ id }: ServedModel): ApiError {
  return badRequest(
    `Cannot answer with ${id} as it is a reward model (value_head.safetensors), which was trained to score texts: ask /v1/score/evaluation, or another model`,
    "model",
    "reward_model",
  );
}

/** A schema that an answer can't be held to. */
function maskRefused(error: MaskError, [first]: readonly PromptAsked[]): ApiError {
  return badRequest(error.message, (first?.sampling.mask?.options as GrammarOptions | undefined)?.param);
}

/** Bodies that wait to be written. */
class Outbox implements AsyncIterable<unknown> {
  readonly #waiting: unknown[] = [];
  #ended = false;
  #error: unknown;
  #wake = Promise.withResolvers<void>();

  push(...bodies: unknown[]): void {
    this.#waiting.push(...bodies);
    if (bodies.length > 0) this.#wake.resolve();
  }

  end(...bodies: unknown[]): void {
    this.#ended = true;
    this.#waiting.push(...bodies);
    this.#wake.resolve();
  }

  fail(error: unknown): void {
    this.#error = error;
    this.end();
  }

  /** Waits for something to write. @throws What {@linkcode Outbox.fail} was told before there was anything */
  async first(): Promise<void> {
    await this.#wake.promise;
    if (this.#error !== undefined && this.#waiting.length === 0) throw this.#error;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown> {
    for (;;) {
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
      while (this.#waiting.length > 0) yield this.#waiting.shift();
      if (!this.#ended) continue;
      if (this.#error !== undefined) throw this.#error;
      return;
    }
  }
}
