/**
 * Answers to many requests by one engine: those that run share every step (continuous batching: a request joins as soon as
 * there is a place, and leaves when it is done).
 * @module
 */
import { item } from "../../../../formats/elements.ts";
import type { Adapter } from "../../../../formats/peft/mod.ts";
import { type AnswerParts, type Generated, type OnToken, RunningAnswer } from "../answer/answer.ts";
import type { BatchEngine } from "./batch_engine.ts";
import { breathe } from "../breathe.ts";
import { checkPromptFits } from "../check_prompt.ts";
import { LoadedAdapters } from "./loaded_adapters.ts";
import { DraftLength } from "../answer/lookup.ts";
import type { MaskSource, TokenMask } from "../sampling/mask.ts";
import type { Outlook, TokenPick } from "../outlook.ts";
import { Sampler } from "../sampling/sampler.ts";
import { checkSampling, type Sampling } from "../sampling/sampling.ts";
import { speculate } from "./speculate.ts";
import { type Decode, TextStream } from "../answer/text.ts";

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
  openMask?(source: MaskSource, endIds: readonly number[], signal: AbortSignal): Promise<TokenMask>;
}

/** Tokens of each answer that a device chooses between two reads, at most. */
const TOKENS_A_READ = 8;
/** An outlook without anything but a token that was chosen. */
const NOTHING = { ids: [], best: [], logits: null, shared: 0 } as const;

/** Runs requests; call {@linkcode BatchGenerator.generateAll} as often as wanted at once. */
export class BatchGenerator {
  #waiting: RunningAnswer[] = [];
  /** By slot; those that are done stay until the next layout of the cache. */
  #running: RunningAnswer[] = [];
  #loop: Promise<void> | null = null;
  readonly #adapters: LoadedAdapters;

  constructor(readonly engine: BatchEngine, readonly options: BatchOptions) {
    this.#adapters = new LoadedAdapters(engine);
  }

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
    const { vocabSize, endIds, openMask } = this.options;
    const sampling = checkSampling(given, vocabSize);
    this.#check(prompt, sampling);
    signal?.throwIfAborted();
    const ends = [...(sampling.ignore_eos ? [] : endIds), ...sampling.stop_ids];
    // One that fails ends the others: their answers have nowhere to go.
    const failed = new AbortController();
    const both = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
    const answers = Array.from({ length: sampling.n }, async (_, index) => {
      const own = { ...sampling, seed: (sampling.seed + index) % 2 ** 53 };
      const mask = sampling.mask && openMask ? await openMask(sampling.mask, ends, both) : null;
      try {
        return await this.#queue({
          prompt,
          index,
          sampler: new Sampler(own, prompt, ends, { mask, vocabSize }),
          endIds: new Set(ends),
          onToken,
          signal: both,
        });
      } finally {
        mask?.dispose?.();
      }
    });
    try {
      return await this.#adapters.using(sampling.adapter, Promise.all(answers));
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  }

  #queue(
    parts: Pick<AnswerParts, "prompt" | "index" | "sampler" | "endIds" | "onToken" | "signal">,
  ): Promise<Generated> {
    const { vocabSize, maxModelLen, speculation = 0, decode } = this.options, { sampling } = parts.sampler;
    const answer = new RunningAnswer({
      ...parts,
      adapter: sampling.adapter,
      vocabSize,
      limit: Math.min(sampling.max_tokens, maxModelLen - parts.prompt.length),
      draft: new DraftLength(speculation),
      text: decode && new TextStream(decode, sampling.stop, sampling.min_tokens),
    });
    this.#waiting.push(answer);
    this.#start();
    return answer.result;
  }

  /** Puts an adapter beside the model, between two steps. @throws {RangeError} If the engine can't, or the name is taken. */
  loadAdapter(name: string, adapter: Adapter): void {
    this.#adapters.load(name, adapter);
  }

  /** Takes no more requests for an adapter, waits for those under way, and forgets it. @throws {RangeError} If there is none of that name. */
  unloadAdapter(name: string): Promise<void> {
    return this.#adapters.unload(name);
  }

  #check(prompt: readonly number[], sampling: Sampling): void {
    checkPromptFits(prompt, this.options);
    if (sampling.stop.length && !this.options.decode) {
      throw new RangeError(
        "Cannot stop at a text: this generator was opened without a tokenizer; use stop_ids",
      );
    }
    if (sampling.mask && !this.options.openMask) {
      throw new RangeError("Cannot follow a mask: this generator was opened without a tokenizer");
    }
    this.#adapters.check(sampling.adapter);
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
        if (this.#running.every((answer) => answer.done)) await this.#leave();
        else await this.#step();
        await breathe();
      }
    } catch (error) {
      const all = [...this.#running.filter((answer) => !answer.done), ...this.#waiting];
      [this.#running, this.#waiting] = [[], []];
      for (const answer of all) answer.fail(error);
      // Where the device is gone, the next request says so.
      await this.engine.keep([]).catch(() => {});
    }
  }

  #dropAborted(): void {
    for (const answer of [...this.#waiting, ...this.#running]) answer.endIfAborted();
    this.#waiting = this.#waiting.filter((answer) => !answer.done);
  }

  /** Takes up waiting requests while there are places. */
  async #admit(): Promise<void> {
    const busy = () => this.#running.filter((answer) => !answer.done).length;
    while (this.#waiting.length && busy() < this.options.maxBatch) {
      if (busy() < this.#running.length) await this.#leave();
      const answer = this.#waiting.shift();
      if (!answer) return;
      const { prompt, signal, adapter } = answer.parts, { scored } = answer;
      let outlook: Outlook;
      try {
        outlook = await this.engine.add(prompt, {
          signal,
          adapter,
          ...scored ? { pick: null, logits: true, scored } : this.#wants(answer),
          between: () => this.#between(),
        });
      } catch (error) {
        answer.fail(error);
        if (!signal?.aborted) throw error;
        continue;
      }
      this.#running.push(answer);
      answer.cached = outlook.shared;
      answer.endIfFull();
      if (!answer.done) answer.take(outlook);
    }
  }

  async #step(): Promise<void> {
    if (this.engine.full && this.#running.some((answer) => answer.done)) await this.#leave();
    const [only] = this.#running;
    if (only && this.#running.length === 1 && await speculate(this.engine, only)) return;
    await this.#stepRunning();
  }

  /** A prompt has gone through in part: what runs goes on beside it. */
  async #between(): Promise<void> {
    for (const answer of this.#running) answer.endIfAborted();
    if (this.#running.some((answer) => !answer.done)) await this.#stepRunning();
  }

  async #stepRunning(): Promise<void> {
    const { engine } = this, last = this.#running.map((answer) => answer.ids.at(-1) ?? 0);
    const picks = engine.run && this.#picksAhead();
    if (engine.run && picks) {
      const tokens = await engine.run(last, picks);
      this.#running.forEach((answer, slot) => {
        for (const chosen of item(tokens, slot)) if (!answer.done) answer.take({ ...NOTHING, chosen });
      });
      return;
    }
    const wanted = this.#running.map((answer) => this.#wants(answer));
    const logits = wanted.some(({ logits }, slot) => logits && !item(this.#running, slot).done);
    const outlooks = await engine.step(last, logits, wanted.map(({ pick }) => pick));
    this.#running.forEach((answer, slot) => {
      if (!answer.done) answer.take(item(outlooks, slot));
    });
  }

  /** An answer's wish behind its next token: a choice by the device where it can, else logits where it needs them. */
  #wants(answer: RunningAnswer): { pick: TokenPick | null; logits: boolean } {
    const pick = this.engine.picks ? answer.pick() : null;
    return { pick, logits: pick === null && answer.needsLogits };
  }

  /** Of every slot, how the device chooses its next tokens; null where one of them takes the host. */
  #picksAhead(): TokenPick[][] | null {
    const going = this.#running.filter((answer) => !answer.done);
    // At first few, so that a short answer wastes little and the first words come soon.
    const count = going.reduce(
      (n, { ids, room }) => Math.min(n, Math.max(1, ids.length), room),
      TOKENS_A_READ,
    );
    const picks: TokenPick[][] = [];
    for (const answer of this.#running) {
      const own: TokenPick[] = [];
      for (let ahead = 0; ahead < count; ahead++) {
        const pick = answer.done ? { temperature: 0, share: 0 } : answer.pick(ahead);
        if (pick === null) return null;
        own.push(pick);
      }
      picks.push(own);
    }
    return picks;
  }

  /** Those that are done give up their slots. */
  async #leave(): Promise<void> {
    const staying = [...this.#running.entries()].filter(([, answer]) => !answer.done);
    this.#running = staying.map(([, answer]) => answer);
    await this.engine.keep(staying.map(([slot]) => slot));
  }
}
