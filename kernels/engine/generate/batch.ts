/**
 * Answers to many requests by one engine: those that run share every step (continuous batching: a request joins as soon as
 * there is a place, and leaves when it is done).
 * @module
 */
import { item, lastOf } from "../../../formats/elements.ts";
import { shown } from "../../../formats/message.ts";
import type { Adapter } from "../../../formats/peft/mod.ts";
import { breathe } from "./breathe.ts";
import type { AddOptions, Outlook } from "./outlook.ts";
import { type Decode, TextStream } from "./text.ts";
import { DraftLength, lookUp } from "./lookup.ts";
import { logprobsOf, type TokenLogprobs } from "./logprobs.ts";
import type { MaskSource, TokenMask } from "./mask.ts";
import { Sampler } from "./sampler.ts";
import { checkSampling, type Sampling } from "./sampling.ts";

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
}

/** More about a token of an answer. */
export interface TokenDetails {
  /** Number of the answer among the `n` of its request. */
  index: number;
  /** Where they were asked for. */
  logprobs: TokenLogprobs | null;
}

/** Called for every token, with the text that became certain by it. */
export type OnToken = (id: number, text: string, details: TokenDetails) => void;

/** The model's data for the scheduler. */
export interface BatchOptions {
  /** Ids that the model knows. */
  vocabSize: number;
  /** Ids that end an answer. */
  endIds: readonly number[];
  /** Tokens of prompt and answer together, at most. */
  maxModelLen: number;
  /** Sequences that run at once, at most. */
  maxBatch: number;
  /** Draft tokens of a greedy answer that runs alone, ≥ 0. Default 0. */
  speculation?: number;
  /** Null: ids only. */
  decode: Decode | null;
  /** Makes the mask of an answer; absent: there are none without a tokenizer. */
  openMask?(source: MaskSource, endIds: readonly number[]): Promise<TokenMask>;
}

/** A prompt that leaves no room for an answer; an endpoint reports it as an outcome. */
export class ContextLengthError extends RangeError {
  /** Its class, across Workers. */
  override name = "ContextLengthError";
}

interface Job {
  prompt: readonly number[];
  index: number;
  adapter: string | null;
  vocabSize: number;
  sampler: Sampler;
  limit: number;
  endIds: ReadonlySet<number>;
  ids: number[];
  /** Prompt and answer. */
  tokens: number[];
  draft: DraftLength;
  cached: number;
  logprobs: TokenLogprobs[] | null;
  text: TextStream | null;
  onToken: OnToken | undefined;
  signal: AbortSignal | undefined;
  done: boolean;
  resolve(value: Generated): void;
  reject(reason: unknown): void;
}

/** An engine, as the scheduler uses it. Sequences that it continues are slots; each call ends before the next begins. */
export interface BatchEngine {
  /** Slots that are done cost nothing more when they are given up now. */
  readonly full: boolean;
  /** Runs a prompt, whose sequence becomes the last slot. */
  add(ids: ArrayLike<number>, options: AddOptions): Promise<Outlook>;
  /** Adds a token to every slot. @param logits Whether all logits are wanted. */
  step(ids: ArrayLike<number>, logits: boolean): Promise<Outlook[]>;
  /** Adds several tokens to the only slot, and gives what follows each of them. Absent: it can't. */
  extend?(ids: ArrayLike<number>, logits: boolean): Promise<Outlook[]>;
  /** Forgets the only slot's last tokens. */
  rewind?(count: number): void;
  /** Keeps these slots, in that order. */
  keep(slots: readonly number[]): Promise<void>;
  /** Puts an adapter beside the model. Absent: it can't. */
  loadAdapter?(name: string, adapter: Adapter): void;
  unloadAdapter?(name: string): void;
  dispose(): Promise<void>;
}

/** Runs requests; call {@linkcode BatchGenerator.generateAll} as often as wanted at once. */
export class BatchGenerator {
  #waiting: Job[] = [];
  /** By slot; those that are done stay until the next layout of the cache. */
  #running: Job[] = [];
  #loop: Promise<void> | null = null;
  /** Loaded adapters, with the requests that use them. */
  readonly #adapters = new Map<string, Set<Promise<unknown>>>();

  constructor(readonly engine: BatchEngine, readonly options: BatchOptions) {}

  /**
   * Answers a prompt once.
   * @param prompt Ids, template applied.
   * @throws As {@linkcode BatchGenerator.generateAll}; also {RangeError} if `n` isn't 1.
   */
  async generate(
    prompt: readonly number[],
    given: Partial<Sampling> = {},
    onToken?: OnToken,
    signal?: AbortSignal,
  ): Promise<Generated> {
    if ((given.n ?? 1) !== 1) {
      throw new RangeError(`Cannot give one answer of n = ${given.n}: use generateAll()`);
    }
    return item(await this.generateAll(prompt, given, onToken, signal), 0);
  }

  /**
   * Answers a prompt `n` times.
   * @param prompt Ids, template applied.
   * @returns As many answers as `n` says.
   * @throws {ContextLengthError} If the prompt fills the context.
   * @throws {RangeError} If a sampling value or a prompt id is out of range, the adapter isn't loaded, or stop texts or a
   * mask are given without a tokenizer.
   * @throws The signal's reason when it fires.
   */
  async generateAll(
    prompt: readonly number[],
    given: Partial<Sampling> = {},
    onToken?: OnToken,
    signal?: AbortSignal,
  ): Promise<Generated[]> {
    const { vocabSize, endIds, decode, openMask } = this.options;
    const sampling = checkSampling(given, vocabSize);
    this.#check(prompt, sampling);
    signal?.throwIfAborted();
    const ends = [...(sampling.ignore_eos ? [] : endIds), ...sampling.stop_ids];
    // One that fails ends the others: their answers have nowhere to go.
    const failed = new AbortController();
    const both = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
    const answers = Array.from({ length: sampling.n }, async (_, index) => {
      const own = { ...sampling, seed: (sampling.seed + index) % 2 ** 53 };
      const mask = sampling.mask && openMask ? await openMask(sampling.mask, ends) : null;
      try {
        return await new Promise<Generated>((resolve, reject) => {
          this.#waiting.push({
            prompt,
            index,
            adapter: sampling.adapter,
            vocabSize,
            cached: 0,
            sampler: new Sampler(own, prompt, ends, mask, vocabSize),
            limit: Math.min(sampling.max_tokens, this.options.maxModelLen - prompt.length),
            endIds: new Set(ends),
            ids: [],
            tokens: [...prompt],
            draft: new DraftLength(this.options.speculation ?? 0),
            logprobs: sampling.logprobs === null ? null : [],
            text: decode && new TextStream(decode, sampling.stop, sampling.min_tokens),
            onToken,
            signal: both,
            done: false,
            resolve,
            reject,
          });
          this.#start();
        });
      } finally {
        mask?.dispose?.();
      }
    });
    const all = Promise.all(answers), users = this.#adapters.get(sampling.adapter ?? "");
    users?.add(all);
    try {
      return await all;
    } catch (error) {
      failed.abort(error);
      throw error;
    } finally {
      users?.delete(all);
    }
  }

  /** Puts an adapter beside the model, between two steps. @throws {RangeError} If the name is taken. */
  loadAdapter(name: string, adapter: Adapter): void {
    if (!this.engine.loadAdapter) {
      throw new RangeError(
        `Cannot load adapter ${
          shown(name)
        } beside the model: this engine can't; open the model with it instead`,
      );
    }
    if (name === "") throw new RangeError("Cannot load an adapter without a name");
    if (this.#adapters.has(name)) {
      throw new RangeError(`Cannot load adapter ${shown(name)}: there is one of that name`);
    }
    this.engine.loadAdapter(name, adapter);
    this.#adapters.set(name, new Set());
  }

  /** Takes no more requests for an adapter, waits for those under way, and forgets it. @throws {RangeError} If there is none of that name. */
  async unloadAdapter(name: string): Promise<void> {
    const users = this.#adapters.get(name);
    if (!users) throw new RangeError(`Cannot unload adapter ${shown(name)}: there is none of that name`);
    this.#adapters.delete(name);
    await Promise.allSettled(users);
    this.engine.unloadAdapter?.(name);
  }

  #check(prompt: readonly number[], sampling: Sampling): void {
    const { vocabSize, maxModelLen, decode, openMask } = this.options;
    const wrong = prompt.findIndex((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
    if (wrong >= 0) {
      throw new RangeError(
        `Cannot answer a prompt whose id ${wrong} is ${prompt[wrong]}: the model knows ${vocabSize}`,
      );
    }
    if (prompt.length === 0) {
      throw new RangeError("Cannot answer an empty prompt: give at least one token, such as bos");
    }
    if (prompt.length >= maxModelLen) {
      throw new ContextLengthError(
        `Cannot answer a prompt of ${prompt.length} tokens: the context holds ${maxModelLen}`,
      );
    }
    if (sampling.stop.length && !decode) {
      throw new RangeError(
        "Cannot stop at a text: this generator was opened without a tokenizer; use stop_ids",
      );
    }
    if (sampling.mask && !openMask) {
      throw new RangeError("Cannot follow a mask: this generator was opened without a tokenizer");
    }
    if (sampling.adapter !== null && !this.#adapters.has(sampling.adapter)) {
      const known = [...this.#adapters.keys()].map((name) => shown(name)).join(", ");
      throw new RangeError(
        `Cannot answer with adapter ${shown(sampling.adapter)}: ${
          known ? `loaded are ${known}` : "none is loaded"
        }`,
      );
    }
  }

  /** Waits for what runs, then frees the engine. */
  async close(): Promise<void> {
    await this.#loop;
    await this.engine.dispose();
  }

  #start(): void {
    this.#loop ??= this.#run().finally(() => {
      this.#loop = null;
      if (this.#waiting.length) this.#start();
    });
  }

  async #run(): Promise<void> {
    // Requests of the same moment are taken up together.
    await breathe();
    try {
      while (this.#waiting.length || this.#running.length) {
        this.#dropAborted();
        await this.#admit();
        if (this.#running.every((job) => job.done)) await this.#leave();
        else await this.#step();
        await breathe();
      }
    } catch (error) {
      const all = [...this.#running.filter((job) => !job.done), ...this.#waiting];
      [this.#running, this.#waiting] = [[], []];
      for (const job of all) job.reject(error);
      // Where the device is gone, the next request says so.
      await this.engine.keep([]).catch(() => {});
    }
  }

  #dropAborted(): void {
    for (const job of [...this.#waiting, ...this.#running]) {
      if (!job.done && job.signal?.aborted) abort(job);
    }
    this.#waiting = this.#waiting.filter((job) => !job.done);
  }

  /** Takes up waiting requests while there are places. */
  async #admit(): Promise<void> {
    const busy = () => this.#running.filter((job) => !job.done).length;
    while (this.#waiting.length && busy() < this.options.maxBatch) {
      if (busy() < this.#running.length) await this.#leave();
      const job = this.#waiting.shift();
      if (!job) return;
      let outlook: Outlook;
      try {
        outlook = await this.engine.add(job.prompt, {
          signal: job.signal,
          adapter: job.adapter,
          logits: needsLogits(job),
          between: () => this.#between(),
        });
      } catch (error) {
        job.reject(error);
        if (!job.signal?.aborted) throw error;
        continue;
      }
      this.#running.push(job);
      job.cached = outlook.shared;
      take(job, outlook);
    }
  }

  async #step(): Promise<void> {
    if (this.engine.full && this.#running.some((job) => job.done)) await this.#leave();
    const [only] = this.#running;
    if (only && this.#running.length === 1 && await this.#speculate(only)) return;
    await this.#stepRunning();
  }

  /** Runs a draft behind the last token, and keeps what the model would have chosen. Gives whether there was one. */
  async #speculate(job: Job): Promise<boolean> {
    const { engine } = this;
    if (!engine.extend || !engine.rewind || job.sampler.sampling.temperature !== 0 || needsLogits(job)) {
      return false;
    }
    const draft = lookUp(job.tokens, Math.min(job.draft.length, job.limit - job.ids.length - 1));
    if (draft.length === 0) return false;
    const outlooks = await engine.extend([lastOf(job.tokens), ...draft], false);
    let right = 0;
    for (; right <= draft.length && !job.done; right++) {
      take(job, item(outlooks, right));
      if (right === draft.length || lastOf(job.tokens) !== draft[right]) break;
    }
    job.draft.learn(right, draft.length);
    engine.rewind(draft.length - right);
    return true;
  }

  /** A prompt has gone through in part: what runs goes on beside it. */
  async #between(): Promise<void> {
    for (const job of this.#running) if (!job.done && job.signal?.aborted) abort(job);
    if (this.#running.some((job) => !job.done)) await this.#stepRunning();
  }

  async #stepRunning(): Promise<void> {
    const logits = this.#running.some((job) => !job.done && needsLogits(job));
    const outlooks = await this.engine.step(this.#running.map((job) => job.ids.at(-1) ?? 0), logits);
    this.#running.forEach((job, slot) => {
      if (!job.done) take(job, item(outlooks, slot));
    });
  }

  /** Those that are done give up their slots. */
  async #leave(): Promise<void> {
    const staying = [...this.#running.entries()].filter(([, job]) => !job.done);
    this.#running = staying.map(([, job]) => job);
    await this.engine.keep(staying.map(([slot]) => slot));
  }
}

function abort(job: Job): void {
  job.done = true;
  job.reject(job.signal?.reason);
}

/** Best tokens that every engine which gives any gives. */
const FEWEST_BEST = 40;

/** Whether the next token of an answer needs all logits. */
function needsLogits({ sampler, ids, logprobs, vocabSize }: Job): boolean {
  return logprobs !== null || !sampler.needsOnlyBest(Math.min(FEWEST_BEST, vocabSize), ids.length);
}

/** Chooses a token, and ends the answer where it must. */
function take(job: Job, outlook: Outlook): void {
  try {
    const id = job.sampler.next(outlook, job.ids), ended = job.endIds.has(id);
    const { sampling } = job.sampler;
    const logprobs = job.logprobs && outlook.logits && logprobsOf(outlook.logits, id, sampling.logprobs ?? 0);
    if (logprobs) job.logprobs?.push(logprobs);
    job.ids.push(id);
    job.tokens.push(id);
    let text = ended ? "" : job.text?.push(id) ?? "";
    const finish = ended || job.text?.stop != null
      ? "stop" as const
      : job.ids.length >= job.limit
      ? "length" as const
      : null;
    if (finish) text += job.text?.end() ?? "";
    job.onToken?.(id, text, { index: job.index, logprobs });
    if (!finish) return;
    job.done = true;
    const stop = ended ? id : job.text?.stop ?? null;
    job.resolve({
      ids: job.ids,
      text: job.text?.text ?? "",
      finish,
      stop,
      promptTokens: job.prompt.length,
      cachedTokens: job.cached,
      logprobs: job.logprobs,
    });
  } catch (error) {
    job.done = true;
    job.reject(error);
  }
}
