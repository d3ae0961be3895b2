/**
 * A model that continues sequences, several at once, with a key/value cache: prompts go through in chunks, then every step
 * adds one token to each sequence.
 * @module
 */
import { item } from "../../../../formats/elements.ts";
import type { Backend, Tensor } from "../../../backend.ts";
import { disposeAll } from "../../body/body.ts";
import type { DecoderConfig } from "../../decoder/decoder_config.ts";
import { Parameters, type ReadTensor } from "../../weights/parameters.ts";
import type { Tuning } from "../../weights/tuning.ts";
import { breathe } from "../breathe.ts";
import { KvCache, type LayerCache } from "./cache.ts";
import type { AddOptions, TokenPick } from "../outlook.ts";
import { ModelPasses } from "./passes.ts";

/** Options of an engine for generation. */
export interface GenerationOptions {
  /** Sizes and family of the model. */
  config: DecoderConfig;
  /** `lora` applies an adapter beside the weights; merged weights need `none`. */
  tuning: Tuning;
  /** Prompt tokens that go through at once, ≥ 1; memory for attention scores grows with it. Default {@linkcode PROMPT_CHUNK}. */
  promptChunk?: number;
}

/** Prompt tokens of a chunk. */
export const PROMPT_CHUNK = 256;

/** Wishes of the tokens that follow; a row without a pick is chosen by the caller. */
export interface WantedNext {
  logits: boolean;
  /** For each row. */
  picks?: readonly (TokenPick | null)[] | undefined;
  /** See `AddOptions`. */
  scored?: AddOptions["scored"];
}

/** Answers to wishes. */
export interface FoundNext {
  /** `[rows, V]`; null where they weren't wanted. */
  logits: Float32Array<ArrayBuffer> | null;
  /** Of each row with a pick the token, −1 where a logit isn't finite. */
  chosen: (number | undefined)[];
}

const LOGITS: WantedNext = { logits: true };

/** A model on a backend, and the sequences that it is continuing. */
export class GenerationEngine {
  readonly #config: DecoderConfig;
  readonly #passes: ModelPasses;
  readonly #cache: KvCache;
  readonly #chunk: number;
  /** Where runs write the tokens that are chosen; kept, so that all tokens of a run, and all runs, find the same memory free. */
  #chosen: Tensor[] = [];

  /** As `Engine`'s. */
  constructor(
    readonly backend: Backend,
    { config, tuning, promptChunk = PROMPT_CHUNK }: GenerationOptions,
    read: ReadTensor,
    initial: Readonly<Record<string, Float32Array<ArrayBuffer>>> = {},
  ) {
    this.#config = config;
    this.#chunk = promptChunk;
    this.#passes = new ModelPasses(
      config,
      tuning,
      new Parameters(backend, { config, tuning, read, initial }),
    );
    this.#cache = this.#newCache(backend.inPlace === true);
  }

  /** Sequences that {@linkcode GenerationEngine.step} continues. */
  get slots(): number {
    return this.#cache.slots;
  }

  /** Dropping slots costs nothing beside what has to be done, or is worth it by now. */
  get full(): boolean {
    return this.#cache.full;
  }

  /**
   * Runs a prompt; its sequence becomes the last slot.
   * @param ids ≥ 1 tokens.
   * @param signal Looked at between chunks; nothing has changed when it fires.
   * @returns Logits `[V]` of what follows.
   * @throws The signal's reason.
   */
  async add(ids: ArrayLike<number>, signal?: AbortSignal): Promise<Float32Array> {
    return logitsIn(await this.addFor(LOGITS, ids, signal));
  }

  /** As {@linkcode GenerationEngine.add}, with other wishes about what follows. @throws {RangeError} Of an empty prompt */
  async addFor(wanted: WantedNext, ids: ArrayLike<number>, signal?: AbortSignal): Promise<FoundNext> {
    if (ids.length === 0) {
      throw new RangeError("Cannot continue an empty prompt: give at least one token, such as bos");
    }
    const own = this.#newCache(false), chunks: LayerCache[][] = [];
    let found: FoundNext = { logits: null, chosen: [] };
    try {
      for (let start = 0; start < ids.length; start += this.#chunk) {
        await breathe();
        signal?.throwIfAborted();
        const end = Math.min(start + this.#chunk, ids.length);
        const part = Int32Array.from({ length: end - start }, (_, i) => item(ids, start + i));
        const { scored } = wanted, last = part.length - 1;
        const heads = scored ? [...part.keys()] : end === ids.length ? [last] : [];
        const made = await this.#prompt(own, part, start, heads);
        chunks.push(made.rows);
        if (made.logits) found = await this.#read(made.logits, heads.length, wanted);
        if (scored && found.logits) {
          const width = found.logits.length / heads.length, all = found.logits;
          const row = (i: number) => all.subarray(i * width, (i + 1) * width);
          for (const i of heads) scored(start + i, row(i));
          found = { logits: row(last), chosen: [] };
        }
        if (end < ids.length) await own.append(start === 0 ? null : 0, made.rows);
      }
      for (const [i, rows] of chunks.entries()) {
        await this.#cache.append(i === 0 ? null : this.#cache.slots - 1, rows);
      }
      return found;
    } finally {
      own.dispose();
      chunks.flat().forEach(({ k, v }) => disposeAll({ k, v }));
    }
  }

  /**
   * Adds a token to every sequence.
   * @param ids One for every slot.
   * @returns Logits `[slots, V]` of what follows, row after row.
   */
  async step(ids: ArrayLike<number>): Promise<Float32Array> {
    return logitsIn(await this.stepFor(LOGITS, ids));
  }

  /** As {@linkcode GenerationEngine.step}, with other wishes about what follows. */
  async stepFor(wanted: WantedNext, ids: ArrayLike<number>): Promise<FoundNext> {
    await this.#makeRoom(ids.length);
    return await this.#read(await this.#advance(Int32Array.from(ids)), ids.length, wanted);
  }

  /**
   * Adds tokens to every sequence: the given ones, and those that follow and are chosen without being waited for.
   * @param ids One for every slot.
   * @param picks For every slot the ways to choose, as many for each, ≥ 1; fewer are followed where the cache must be laid out first.
   * @returns Of every slot the chosen tokens.
   */
  async run(ids: ArrayLike<number>, picks: readonly (readonly TokenPick[])[]): Promise<number[][]> {
    await this.#makeRoom(ids.length);
    const count = Math.min(item(picks, 0).length, this.#cache.left);
    const chosen = this.#chosenBy(ids.length, count);
    const ways = chosen.map((_, i) => this.#passes.uploadPicks(picks.map((own) => item(own, i))));
    for (const [i, into] of chosen.entries()) {
      const logits = await this.#advance(i === 0 ? Int32Array.from(ids) : item(chosen, i - 1));
      await this.#passes.choose(logits, item(ways, i), into);
      logits.dispose();
    }
    const rows = await Promise.all(chosen.map((tensor) => this.backend.download(tensor)));
    ways.forEach(disposeAll);
    return Array.from(ids, (_, slot) => rows.map((row) => item(row, slot)));
  }

  /** Tensors for the tokens of so many steps of so many slots. */
  #chosenBy(slots: number, steps: number): readonly Tensor[] {
    if (this.#chosen[0]?.shape[0] !== slots) this.#chosen.splice(0).forEach((tensor) => tensor.dispose());
    while (this.#chosen.length < steps) this.#chosen.push(this.backend.zeros([slots], "i32"));
    return this.#chosen.slice(0, steps);
  }

  /** Lays the cache out where it has no room for a token. @throws {RangeError} If there are other than so many sequences, or none. */
  async #makeRoom(tokens: number): Promise<void> {
    const cache = this.#cache, { slots } = cache;
    if (tokens !== slots || slots === 0) {
      throw new RangeError(`Cannot continue ${slots} sequences by ${tokens} tokens: give one each`);
    }
    await cache.makeRoom();
  }

  /** Adds a token to every slot; gives logits `[slots, V]`. */
  async #advance(ids: Int32Array<ArrayBuffer> | Tensor): Promise<Tensor> {
    const cache = this.#cache, { slots } = cache;
    const rows = Int32Array.from({ length: slots }, (_, s) => s);
    const logits = await this.#passes.run({ ids, cache, ...cache.next(), rows }, []);
    cache.advance();
    if (!logits) throw new Error("Cannot continue: a step gave no logits");
    return logits;
  }

  /** Choices and logits that were wished for, of logits `[rows, V]`, by one wait; disposes of them. */
  async #read(logits: Tensor, rows: number, { logits: all, picks = [] }: WantedNext): Promise<FoundNext> {
    const picking = picks.some((pick) => pick !== null);
    const ways = picking &&
      this.#passes.uploadPicks(picks.map((pick) => pick ?? { temperature: 0, share: 0 }));
    const ids = ways && await this.#passes.choose(logits, ways);
    const [values, chosen] = await Promise.all([
      all ? this.backend.download(logits) : null,
      ids ? this.backend.download(ids) : [],
    ]);
    const found = {
      logits: values && Float32Array.from(values),
      chosen: Array.from({ length: rows }, (_, row) => picks[row] ? item(chosen, row) : undefined),
    };
    logits.dispose();
    if (ids && ways) disposeAll({ ids, ...ways });
    return found;
  }

  /** Keeps these slots, in that order, and forgets the others. */
  keep(slots: readonly number[]): Promise<void> {
    return this.#cache.flush(slots);
  }

  /** Frees programs and tensors. */
  async dispose(): Promise<void> {
    this.#cache.dispose();
    this.#chosen.splice(0).forEach((tensor) => tensor.dispose());
    await this.#passes.dispose();
    await this.backend.dispose();
  }

  /** A chunk of a prompt behind what `cache` holds: its rows of every layer, and the logits behind some of its tokens. */
  async #prompt(cache: KvCache, ids: Int32Array<ArrayBuffer>, start: number, heads: readonly number[]) {
    const { numKeyValueHeads, headDim } = this.#config, count = ids.length;
    const places = Int32Array.from(ids, (_, i) => start + i);
    const blank = this.backend.zeros([count, numKeyValueHeads * headDim]), rows: LayerCache[] = [];
    const logits = await this.#passes.run({
      ids,
      cache,
      places,
      put: Int32Array.from(ids, (_, i) => i),
      freshPlaces: places,
      fresh: () => ({ k: blank, v: blank }),
      rows: heads.length > 0 ? Int32Array.from(heads) : null,
    }, rows);
    blank.dispose();
    return { rows, logits };
  }

  #newCache(inPlace: boolean): KvCache {
    return new KvCache(this.backend, this.#config, () => this.#passes.arrange(), inPlace);
  }
}

function logitsIn({ logits }: FoundNext): Float32Array {
  if (!logits) throw new Error("Cannot give logits: none were wanted");
  return logits;
}
