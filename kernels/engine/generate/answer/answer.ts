/**
 * One answer: while it runs, token by token, and as it is given once it has ended.
 * @module
 */
import type { DraftLength } from "./lookup.ts";
import { logprobsOf, promptLogprobsOf, type PromptTokenLogprobs, type TokenLogprobs } from "./logprobs.ts";
import type { AddOptions, Outlook, TokenPick } from "../outlook.ts";
import type { Sampler } from "../sampling/sampler.ts";
import type { TextStream } from "./text.ts";

/** One finished answer of a prompt. */
export interface Generated {
  /** Its tokens, with the end-of-text token if it ended by one. */
  ids: number[];
  /** Its text, without end tokens and stop text; "" where there is no tokenizer. */
  text: string;
  /** `stop`: by an end token or stop text; `length`: by `max_tokens` or because the context was full. */
  finish: "stop" | "length";
  /** The id or text that ended it. */
  stop: number | string | null;
  /** Tokens of the prompt. */
  promptTokens: number;
  /** Those of them whose keys and values were there from another request. */
  cachedTokens: number;
  /** Of every token, where they were asked for. */
  logprobs: TokenLogprobs[] | null;
  /** Of the prompt's tokens behind the first, where they were asked for, in answer 0. */
  promptLogprobs: PromptTokenLogprobs[] | null;
}

/** More about a token of an answer. */
export interface TokenDetails {
  /** Number of the answer among the `n` of its request. */
  index: number;
  /** Where they were asked for. */
  logprobs: TokenLogprobs | null;
  /** Of the prompt's tokens behind the first, where they were asked for, with the first token of answer 0; null: no news of them. */
  promptLogprobs: PromptTokenLogprobs[] | null;
  /** Of the answer's last token; null: more come. */
  end: Pick<Generated, "finish" | "stop"> | null;
}

/** Called for every token, with the text that became certain by it. */
export type OnToken = (id: number, text: string, details: TokenDetails) => void;

/** Parts of an answer that is about to run. */
export interface AnswerParts {
  prompt: readonly number[];
  /** Number of the answer among the `n` of its request. */
  index: number;
  adapter: string | null;
  vocabSize: number;
  sampler: Sampler;
  /** Tokens of the answer, at most. */
  limit: number;
  endIds: ReadonlySet<number>;
  draft: DraftLength;
  /** Null: ids only. */
  text: TextStream | null;
  onToken: OnToken | undefined;
  signal: AbortSignal | undefined;
}

/** Best tokens that every engine which gives any gives. */
const FEWEST_BEST = 40;

/** An answer that waits or runs; settles {@linkcode RunningAnswer.result} once. */
export class RunningAnswer {
  /** Its tokens so far. */
  readonly ids: number[] = [];
  /** Prompt and answer. */
  readonly tokens: number[];
  /** Tokens of the prompt that were taken over from another sequence. */
  cached = 0;
  /** True if it has ended, by a token, an error or its signal. */
  done = false;
  readonly #logprobs: TokenLogprobs[] | null;
  readonly #promptLogprobs: PromptTokenLogprobs[] | null;
  readonly #settle = Promise.withResolvers<Generated>();

  constructor(readonly parts: AnswerParts) {
    this.tokens = [...parts.prompt];
    this.#logprobs = parts.sampler.sampling.logprobs === null ? null : [];
    this.#promptLogprobs = parts.sampler.sampling.prompt_logprobs === null || parts.index > 0 ? null : [];
  }

  /** Takes what is expected behind a token of the prompt; undefined where nobody asks. */
  get scored(): AddOptions["scored"] {
    const { prompt, sampler: { sampling } } = this.parts, found = this.#promptLogprobs;
    return found === null ? undefined : (row, logits) => {
      const next = prompt[row + 1];
      if (next !== undefined) found.push(promptLogprobsOf(logits, next, sampling.prompt_logprobs ?? 0));
    };
  }

  /** The whole answer; rejects with the error or the signal's reason. */
  get result(): Promise<Generated> {
    return this.#settle.promise;
  }

  /** Tokens that it may still get. */
  get room(): number {
    return this.parts.limit - this.ids.length;
  }

  /** True if the next token needs all logits. */
  get needsLogits(): boolean {
    const { sampler, vocabSize } = this.parts;
    return this.#logprobs !== null ||
      !sampler.needsOnlyBest(Math.min(FEWEST_BEST, vocabSize), this.ids.length);
  }

  /**
   * The way for a device to choose one of its next tokens, the first or one behind `ahead` others; null where it takes the host.
   */
  pick(ahead = 0): TokenPick | null {
    return this.#logprobs === null ? this.parts.sampler.pick(this.ids.length + ahead) : null;
  }

  /** Ends it if its signal has fired. */
  endIfAborted(): void {
    const { signal } = this.parts;
    if (!this.done && signal?.aborted) this.fail(signal.reason);
  }

  /** Ends it where it may have no token. */
  endIfFull(): void {
    if (!this.done && this.room <= 0) this.#finish("length", null);
  }

  /** Ends it by an error. */
  fail(reason: unknown): void {
    this.done = true;
    this.#settle.reject(reason);
  }

  /** Chooses a token, and ends the answer where it must. */
  take(outlook: Outlook): void {
    try {
      this.#choose(outlook);
    } catch (error) {
      this.fail(error);
    }
  }

  #choose(outlook: Outlook): void {
    const { sampler, endIds, text: stream, onToken, index } = this.parts;
    const id = sampler.next(outlook, this.ids), ended = endIds.has(id);
    const logprobs = this.#logprobs && outlook.logits &&
      logprobsOf(outlook.logits, id, sampler.sampling.logprobs ?? 0);
    if (logprobs) this.#logprobs?.push(logprobs);
    const promptLogprobs = this.ids.length === 0 ? this.#promptLogprobs : null;
    this.ids.push(id);
    this.tokens.push(id);
    let text = ended ? "" : stream?.push(id) ?? "";
    const stopped = () => ended || stream?.stop != null, ends = stopped() || this.room <= 0;
    // A stop text may be in the text that was held back until now.
    if (ends) text += stream?.end() ?? "";
    const finish = stopped() ? "stop" : ends ? "length" : null;
    const stop = ended ? id : stream?.stop ?? null;
    onToken?.(id, text, { index, logprobs, promptLogprobs, end: finish && { finish, stop } });
    if (finish) this.#finish(finish, stop);
  }

  #finish(finish: Generated["finish"], stop: Generated["stop"]): void {
    this.done = true;
    this.#settle.resolve({
      ids: this.ids,
      text: this.parts.text?.text ?? "",
      finish,
      stop,
      promptTokens: this.parts.prompt.length,
      cachedTokens: this.cached,
      logprobs: this.#logprobs,
      promptLogprobs: this.#promptLogprobs,
    });
  }
}
