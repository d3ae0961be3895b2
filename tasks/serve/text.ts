/**
 * `/v1/completions`: continuations of texts, no chat template applied.
 * @module
 */
import type { Context } from "hono";

import type { WholeAnswer } from "./answers/answers.ts";
import { tellUnused, tierOf, unusedFields } from "./fields/apart_fields.ts";
import { badRequest } from "./api_error.ts";
import { stopReason } from "./chat/chat.ts";
import { readFields, TextFields, type TextRequest } from "./fields/fields.ts";
import { randomId } from "./answers/ids.ts";
import { type LogprobOrNone, rankedPrompt, shownLength, textLogprobs } from "./answers/logprobs.ts";
import type { ServedModel } from "./models.ts";
import { roomFor } from "./room.ts";
import { answerRequest, modelOf, type Service, type Writing } from "./run.ts";
import type { Told } from "./counts/told.ts";
import { requestSampling } from "./sampling.ts";
import { usageOf, usageSoFar, usageWanted } from "./answers/usage.ts";

/** Tokens of an answer that says no `max_tokens`, as OpenAI's interface has it. */
const DEFAULT_TOKENS = 16;

/** Answers a text request. */
export async function textCompletion(c: Context, service: Service, body: unknown): Promise<Response> {
  const request = readFields(TextFields, body);
  const model = modelOf(service, request.model);
  (c.get("told") as Told).model = model.id;
  refuseUnsupported(request);
  const prompts = promptsOf(request, model);
  const fields = { prompt: "prompt", limit: "max_tokens" } as const;
  const room = prompts.reduce(
    (least, { ids }) => Math.min(least, roomFor(ids.length, request.max_tokens, model, fields)),
    Infinity,
  );
  const limit = request.max_tokens ?? Math.min(DEFAULT_TOKENS, service.limits.maxTokens ?? DEFAULT_TOKENS);
  const logprobs = request.logprobs ?? null;
  const ofPrompt = request.echo === true && (logprobs !== null || limit === 0) ? logprobs ?? 0 : null;
  const sampling = requestSampling(model, request, {
    ...service.limits,
    room,
    limit,
    logprobs,
    echoLogprobs: ofPrompt,
  });
  const asked = prompts.map(({ ids }) => ({ model, prompt: ids, sampling, shown: [] }));
  const writing = new TextWriting(request, model, prompts);
  tellUnused(c, unusedFields(request));
  return await answerRequest(c, service, { asked, stream: request.stream ?? false, writing });
}

function refuseUnsupported(
  { suffix, best_of, n, echo, logprobs, prompt_logprobs, max_tokens, stream, stream_options }: TextRequest,
): void {
  if (suffix != null && suffix !== "") {
    throw badRequest("Cannot fill in between prompt and suffix: this server continues texts only", "suffix");
  }
  const answers = n ?? 1;
  if (best_of != null && best_of < answers) {
    throw badRequest(
      `Cannot give ${answers} answers (n) of ${best_of} (best_of): leave best_of out`,
      "best_of",
    );
  }
  if (best_of != null && best_of > answers) {
    throw badRequest(
      `Cannot choose the best ${answers} of ${best_of} answers, as all that are made are given: leave best_of out, set n to ` +
        `${best_of}, and choose by their logprobs`,
      "best_of",
    );
  }
  if (max_tokens === 0 && echo !== true && prompt_logprobs == null) {
    throw badRequest(
      "Cannot answer without a token: set echo or prompt_logprobs for the prompt, or max_tokens to 1",
      "max_tokens",
    );
  }
  if (stream === true && echo === true && (logprobs != null || max_tokens === 0)) {
    throw badRequest("Cannot stream log-probabilities of the prompt: leave stream out", "stream");
  }
  if (stream_options != null && stream !== true) {
    throw badRequest("Cannot use stream_options without stream: set stream to true", "stream_options");
  }
}

interface Prompt {
  ids: number[];
  /** For `echo`. */
  text: string;
}

/** Ids of a text that the client writes whole, with bos and the like unless it says false. */
export function textIds(
  text: string,
  { local: { tokenizer } }: ServedModel,
  addSpecialTokens: boolean | null | undefined,
): number[] {
  // turns of a chat template stand in it as well: vLLM and llama.cpp read them so
  const ids = tokenizer.encode(text, { special: true });
  return addSpecialTokens === false ? ids : tokenizer.addBosEos(ids);
}

function promptsOf({ prompt, add_special_tokens }: TextRequest, model: ServedModel): Prompt[] {
  const { local } = model, { tokenizer } = local;
  const list: (string | number[])[] = typeof prompt === "string"
    ? [prompt]
    : isIds(prompt)
    ? [prompt]
    : prompt;
  return list.map((each, i) => {
    const foreign = typeof each === "string"
      ? undefined
      : each.find((id) => id >= local.generator.info.vocabSize);
    if (foreign !== undefined) {
      throw badRequest(
        `Cannot continue prompt ${i}: the model knows ids below ${local.generator.info.vocabSize}; current value is ${foreign}`,
        "prompt",
      );
    }
    if (typeof each !== "string") return { ids: each, text: tokenizer.decode(each, { skipSpecial: true }) };
    const ids = textIds(each, model, add_special_tokens);
    if (ids.length === 0) throw badRequest(`Cannot continue prompt ${i}: it has no tokens`, "prompt");
    return { ids, text: each };
  });
}

function isIds(prompt: readonly unknown[]): prompt is number[] {
  return typeof prompt[0] === "number";
}

/** Continuations in OpenAI's shape; number `prompt · n + i` is answer i to a prompt. */
class TextWriting implements Writing {
  readonly #id = randomId("cmpl-");
  readonly #created = Math.floor(Date.now() / 1000);
  /** Of each choice, tokens that a stream has told of and their characters. */
  readonly #given = new Map<number, { tokens: number; characters: number }>();

  constructor(
    readonly request: TextRequest,
    readonly model: ServedModel,
    readonly prompts: readonly Prompt[],
  ) {}

  whole(answers: readonly WholeAnswer[][]): unknown {
    const choices = answers.flatMap((list, prompt) =>
      list.map((answer, i) => {
        const front = this.request.echo === true ? this.prompts[prompt]?.text ?? "" : "";
        return this.#choice(prompt, i, front + answer.text, {
          logprobs: this.request.logprobs == null ? null : textLogprobs(this.model.local.tokenizer, [
            ...this.#promptLogprobs(prompt, list),
            ...answer.logprobs,
          ], { text: front, offset: 0 }),
          finish_reason: answer.finish,
          stop_reason: stopReason(answer, this.request),
          ...this.#rankedPrompt(list),
        });
      })
    );
    return { ...this.#head(), choices, usage: usageOf(answers) };
  }

  /** With `echo`: of the prompt's tokens, the first of which follows nothing. */
  #promptLogprobs(prompt: number, [first]: readonly WholeAnswer[]): LogprobOrNone[] {
    const id = this.prompts[prompt]?.ids[0],
      rest = first?.promptLogprobs ?? null,
      { echo, logprobs } = this.request;
    if (echo !== true || id === undefined || rest === null) return [];
    const told = rest.map((each) => ({ ...each, top: each.top.slice(0, logprobs ?? 0) }));
    return [{ id, logprob: null, top: [] }, ...told];
  }

  #rankedPrompt([first]: readonly WholeAnswer[]): { prompt_logprobs?: ReturnType<typeof rankedPrompt> } {
    const { prompt_logprobs: count } = this.request;
    return count == null || first === undefined
      ? {}
      : { prompt_logprobs: rankedPrompt(this.model.local.tokenizer, first, count) };
  }

  begin(): unknown[] {
    if (this.request.echo !== true) return [];
    const n = this.request.n ?? 1;
    return this.prompts.flatMap(({ text }, prompt) =>
      Array.from({ length: n }, (_, i) => this.#chunk(prompt, i, text))
    );
  }

  news(prompt: number, { index, text, logprobs, end }: Parameters<Writing["news"]>[1]): unknown[] {
    const { tokenizer } = this.model.local, { tokens, characters } = this.#soFar(prompt, index);
    // by tokens, as text that may begin a stop text is held back
    const more = logprobs.reduce(
      (sum, { id }) => sum + shownLength(tokenizer, id, characters + sum === 0),
      0,
    );
    this.#given.set(this.#index(prompt, index), { tokens: tokens + 1, characters: characters + more });
    if (text === "" && logprobs.length === 0 && end === null) return [];
    const told = this.request.logprobs == null
      ? null
      : textLogprobs(tokenizer, logprobs, { offset: characters });
    const ended = end && { finish_reason: end.finish, stop_reason: stopReason(end, this.request) };
    return [this.#chunk(prompt, index, text, { logprobs: told, ...ended })];
  }

  end(answers: readonly WholeAnswer[][]): unknown[] {
    return usageWanted(this.request).atEnd ? [{ ...this.#head(), choices: [], usage: usageOf(answers) }] : [];
  }

  #soFar(prompt: number, i: number): { tokens: number; characters: number } {
    return this.#given.get(this.#index(prompt, i)) ?? { tokens: 0, characters: 0 };
  }

  #index(prompt: number, i: number): number {
    return prompt * (this.request.n ?? 1) + i;
  }

  #choice(prompt: number, i: number, text: string, more: Record<string, unknown> = {}): unknown {
    return { index: this.#index(prompt, i), text, logprobs: null, finish_reason: null, ...more };
  }

  #chunk(prompt: number, i: number, text: string, more: Record<string, unknown> = {}): unknown {
    const promptTokens = this.prompts[prompt]?.ids.length ?? 0;
    return {
      ...this.#head(),
      choices: [this.#choice(prompt, i, text, more)],
      ...usageSoFar(this.request, promptTokens, this.#soFar(prompt, i).tokens),
    };
  }

  #head(): Record<string, unknown> {
    return {
      id: this.#id,
      object: "text_completion",
      created: this.#created,
      model: this.model.id,
      ...tierOf(this.request),
    };
  }
}
