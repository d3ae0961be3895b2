/**
 * Continuations of texts in OpenAI's shape, whole and as a stream.
 * @module
 */
import type { PromptTokenLogprobs } from "../../kernels/engine/generate/generator.ts";
import type { AnswerNews, WholeAnswer } from "./answers/answers.ts";
import { randomId } from "./answers/ids.ts";
import {
  lengthAt,
  type LogprobOrNone,
  rankedPrompt,
  type TextLogprobs,
  textLogprobs,
} from "./answers/logprobs.ts";
import { usageOf, usageSoFar, usageWanted } from "./answers/usage.ts";
import { stopReason } from "./chat/chat.ts";
import { tierOf } from "./fields/apart_fields.ts";
import type { TextRequest } from "./fields/fields.ts";
import type { ServedModel } from "./models.ts";
import type { Writing } from "./run.ts";

/** A prompt of a text request. */
export interface TextPrompt {
  ids: number[];
  /** For `echo`. */
  text: string;
}

/** Continuations in OpenAI's shape; number `prompt · n + i` is answer i to a prompt. */
export class TextWriting implements Writing {
  readonly #id = randomId("cmpl-");
  readonly #created = Math.floor(Date.now() / 1000);
  /** Of each choice, tokens that a stream has told of and their characters. */
  readonly #given = new Map<number, { tokens: number; characters: number }>();
  /** Of each prompt, what is known of its tokens. */
  readonly #fronts = new Map<number, readonly PromptTokenLogprobs[]>();
  /** Of each prompt, news that came before that. */
  readonly #waiting = new Map<number, AnswerNews[]>();

  constructor(
    readonly request: TextRequest,
    readonly model: ServedModel,
    readonly prompts: readonly TextPrompt[],
  ) {}

  whole(answers: readonly WholeAnswer[][]): unknown {
    const choices = answers.flatMap((list, prompt) =>
      list.map((answer, i) => {
        const front = this.#front(prompt);
        return this.#choice(prompt, i, front + answer.text, {
          logprobs: this.#logprobs(answer.logprobs, {
            text: front,
            ofPrompt: this.#ofPrompt(prompt, list[0]?.promptLogprobs),
          }),
          finish_reason: answer.finish,
          stop_reason: stopReason(answer, this.request),
          ...this.#rankedPrompt(list),
        });
      })
    );
    return { ...this.#head(), choices, usage: usageOf(answers) };
  }

  /** The prompt's text, where it is repeated. */
  #front(prompt: number): string {
    return this.request.echo === true ? this.prompts[prompt]?.text ?? "" : "";
  }

  /** With `echo`: of the prompt's tokens, the first of which follows nothing. */
  #ofPrompt(prompt: number, rest: readonly PromptTokenLogprobs[] | null | undefined): LogprobOrNone[] {
    const id = this.prompts[prompt]?.ids[0], { echo, logprobs } = this.request;
    if (echo !== true || id === undefined || rest == null) return [];
    const told = rest.map((each) => ({ ...each, top: each.top.slice(0, logprobs ?? 0) }));
    return [{ id, logprob: null, top: [] }, ...told];
  }

  #logprobs(
    list: WholeAnswer["logprobs"],
    { text = "", ofPrompt = [], offset = 0 }: { text?: string; ofPrompt?: LogprobOrNone[]; offset?: number },
  ): TextLogprobs | null {
    if (this.request.logprobs == null) return null;
    return textLogprobs(this.model.local.tokenizer, [...ofPrompt, ...list], { text, offset });
  }

  #rankedPrompt([first]: readonly WholeAnswer[]): { prompt_logprobs?: ReturnType<typeof rankedPrompt> } {
    const { prompt_logprobs: count } = this.request;
    return count == null || first === undefined
      ? {}
      : { prompt_logprobs: rankedPrompt(this.model.local.tokenizer, first, count) };
  }

  begin(): unknown[] {
    if (this.request.echo !== true || this.#tellsPrompt) return [];
    return this.prompts.flatMap(({ text }, prompt) =>
      Array.from({ length: this.request.n ?? 1 }, (_, i) => this.#chunk(prompt, i, text))
    );
  }

  /** True: each choice's first chunk has the prompt with its tokens' log-probabilities, as vLLM's. */
  get #tellsPrompt(): boolean {
    return this.request.echo === true && this.request.logprobs != null;
  }

  news(prompt: number, news: AnswerNews): unknown[] {
    if (!this.#tellsPrompt) return this.#news(prompt, news);
    const known = this.#fronts.get(prompt) ?? news.promptLogprobs ?? undefined;
    const waiting = this.#waiting.get(prompt) ?? [];
    if (known === undefined) {
      this.#waiting.set(prompt, [...waiting, news]);
      return [];
    }
    this.#fronts.set(prompt, known);
    this.#waiting.delete(prompt);
    return [...waiting, news].flatMap((each) => this.#news(prompt, each));
  }

  #news(prompt: number, { index, text, logprobs, end }: AnswerNews): unknown[] {
    const given = this.#given.get(this.#index(prompt, index));
    const front = given === undefined ? this.#fronts.get(prompt) : undefined;
    const begun = front === undefined ? "" : this.#front(prompt), ofPrompt = this.#ofPrompt(prompt, front);
    const { tokens, characters } = given ?? { tokens: 0, characters: 0 };
    // by tokens, as text that may begin a stop text is held back
    const behind = [...ofPrompt, ...logprobs].reduce(
      (place, { id }) => place + lengthAt(this.model.local.tokenizer, id, place, begun),
      characters,
    );
    this.#given.set(this.#index(prompt, index), { tokens: tokens + 1, characters: behind });
    if (text === "" && logprobs.length === 0 && end === null) return [];
    const told = this.#logprobs(logprobs, { text: begun, ofPrompt, offset: characters });
    const ended = end && { finish_reason: end.finish, stop_reason: stopReason(end, this.request) };
    return [this.#chunk(prompt, index, begun + text, { logprobs: told, ...ended })];
  }

  end(answers: readonly WholeAnswer[][]): unknown[] {
    // an answer without a token has had no news
    const empty = answers.flatMap((list, prompt) =>
      list.flatMap(({ ids, finish }, index) => {
        if (ids.length > 0) return [];
        const text = this.#tellsPrompt ? this.#front(prompt) : "";
        const logprobs = this.#logprobs([], {
          text,
          ofPrompt: this.#ofPrompt(prompt, list[0]?.promptLogprobs),
        });
        return [this.#chunk(prompt, index, text, { logprobs, finish_reason: finish, stop_reason: null })];
      })
    );
    const usage = usageWanted(this.request).atEnd
      ? [{ ...this.#head(), choices: [], usage: usageOf(answers) }]
      : [];
    return [...empty, ...usage];
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
