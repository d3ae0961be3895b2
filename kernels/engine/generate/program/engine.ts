/**
 * A model that continues sequences by one program: all layers, the head and the choice of the best tokens are one run, weights stay
 * packed, and the cache is written in place. Prompts go through in chunks that begin at multiples of {@linkcode PROGRAM_CHUNK}, so a
 * prompt's numbers are the same after any other run and beside any other prompt.
 * @module
 */
import { item } from "../../../../formats/elements.ts";
import type { OrtLibrary } from "../../../backends/onnx/c_api/mod.ts";
import type { Adapter } from "../../../../formats/peft/mod.ts";
import { scaleValues } from "../../body/embedding.ts";
import type { DecoderConfig } from "../../decoder/decoder_config.ts";
import { breathe } from "../breathe.ts";
import type { AddOptions, Outlook } from "../outlook.ts";
import { ProgramAdapters } from "./adapters.ts";
import { SlotMemory } from "./cache.ts";
import type { Prepared } from "./prepare.ts";
import { rowsAgree } from "./rows_agree.ts";
import { KEPT_PROMPTS, PROGRAM_CHUNK, SlotSequences } from "./sequences.ts";
import { type ProgramOutput, ProgramSession } from "./session.ts";

/** Key of the adapter that the model was opened with: no request can name it. */
const OPENED = "";

/** Model, program and limits of an engine. */
export interface ProgramEngineOptions {
  readonly library: OrtLibrary;
  readonly config: DecoderConfig;
  readonly prepared: Prepared;
  /** Has the file of the constants. */
  readonly folder: string;
  /** Path of the library of kernels/native, where weights are prepared for its operators. */
  readonly native: string | null;
  readonly threads: number;
  /** Sequences that run at once, at most. */
  readonly maxBatch: number;
  /** True if one row alone gets the same bits as beside others. Default: as {@linkcode rowsAgree} finds. */
  readonly agree?: boolean;
  /** Rows of the embedding as float32, `[ids.length, D]`; they are the engine's. */
  embed(ids: ArrayLike<number>): Float32Array<ArrayBuffer>;
  /** Adapter of requests that name none; null: none. */
  readonly opened?: Adapter | null;
  /** Called once nothing is used any more. */
  release?(): void;
}

/** As `GenerationEngine`, see the module's text. */
export class ProgramEngine {
  readonly #memory: SlotMemory;
  readonly #sequences: SlotSequences;
  #session: ProgramSession;
  /** Settles when no other thread does anything for the engine. */
  #hugePages: Promise<unknown> = Promise.resolve();
  /** True if one row alone would get other bits than beside others; null: not tried yet, since no prompt asks. */
  #pairs: boolean | null = null;
  readonly #adapters = new Map<string, Adapter>();

  constructor(readonly options: ProgramEngineOptions) {
    this.#memory = new SlotMemory(options.config, options.maxBatch + KEPT_PROMPTS);
    this.#sequences = new SlotSequences(this.#memory);
    if (options.opened) this.#adapters.set(OPENED, options.opened);
    this.#session = this.#open();
  }

  /** Sequences that {@linkcode ProgramEngine.step} continues. */
  get slots(): number {
    return this.#sequences.running;
  }

  /** A slot that is given up costs at most a copy of the last one, so it is at once. */
  get full(): boolean {
    return true;
  }

  /**
   * Runs a prompt; its sequence becomes the last slot. What a running or kept sequence of the same adapter begins by isn't
   * computed again.
   * @param ids ≥ 1 tokens.
   * @throws The signal's reason; nothing has changed then.
   */
  async add(
    ids: ArrayLike<number>,
    { signal, adapter: named = null, logits = true, scored, between }: AddOptions = {},
  ): Promise<Outlook> {
    if (ids.length === 0) {
      throw new RangeError("Cannot continue an empty prompt: give at least one token, such as bos");
    }
    const adapter = named ?? (this.options.opened ? OPENED : null);
    const prompt = Array.from(ids), shared = this.#sequences.place(prompt, adapter, scored === undefined);
    const slot = this.#sequences.running, sequence = this.#sequences.at(slot);
    let out: ProgramOutput | null = null;
    for (let start = shared; start < prompt.length;) {
      await breathe();
      signal?.throwIfAborted();
      if (start > shared) await between?.();
      const end = Math.min(prompt.length, (Math.floor(start / PROGRAM_CHUNK) + 1) * PROGRAM_CHUNK);
      const last = end - start - 1, rows = scored ? Array.from({ length: last + 1 }, (_, i) => i) : [last];
      const all = scored !== undefined || (logits && end === prompt.length);
      const { logits: found } = out = this.#run(slot, [prompt.slice(start, end)], rows, all);
      if (scored && found) {
        const { vocabSize } = this.options.config;
        for (const i of rows) scored(start + i, found.subarray(i * vocabSize, (i + 1) * vocabSize));
      }
      sequence.prompt = prompt.slice(0, end);
      sequence.length = start = end;
    }
    this.#sequences.admit();
    if (!out) throw new Error("Cannot happen: a prompt has a last token");
    return outlook(out, out.count - 1, this.options.config.vocabSize, shared);
  }

  /**
   * Adds a token to every sequence.
   * @param ids One for every slot.
   * @throws {RangeError} If there are more or fewer
   */
  step(ids: ArrayLike<number>, logits: boolean): Promise<Outlook[]> {
    const { running } = this.#sequences;
    if (ids.length !== running || running === 0) {
      throw new RangeError(
        `Cannot continue ${running} sequences by ${ids.length} tokens: give one each`,
      );
    }
    const rows = Array.from({ length: running }, (_, i) => i);
    const out = running === 1 && this.#needPairs()
      ? this.#runPair(item(ids, 0), logits)
      : this.#run(0, Array.from(ids, (id) => [id]), rows, logits);
    for (const i of rows) this.#sequences.at(i).length++;
    return Promise.resolve(rows.map((i) => outlook(out, i, this.options.config.vocabSize)));
  }

  /**
   * Adds several tokens to the only sequence.
   * @returns One outlook per added token, in order.
   * @throws {RangeError} If there is another number of sequences
   */
  extend(ids: ArrayLike<number>, logits: boolean): Promise<Outlook[]> {
    const { running } = this.#sequences;
    if (running !== 1) throw new RangeError(`Cannot extend ${running} sequences: one can be`);
    const rows = Array.from(ids, (_, i) => i), out = this.#run(0, [Array.from(ids)], rows, logits);
    this.#sequences.at(0).length += ids.length;
    return Promise.resolve(rows.map((i) => outlook(out, i, this.options.config.vocabSize)));
  }

  /** Forgets the only sequence's last tokens. */
  rewind(count: number): void {
    this.#sequences.at(0).length -= count;
  }

  /** Keeps these slots, in that order. Prompts of the others stay for those that begin alike, as long as there is room. */
  keep(slots: readonly number[]): Promise<void> {
    this.#sequences.keep(slots);
    return Promise.resolve();
  }

  /**
   * Puts an adapter beside the model: the program is made again, sequences continue.
   * @throws {RangeError} If the name is taken.
   */
  loadAdapter(name: string, adapter: Adapter): void {
    this.#adapters.set(name, adapter);
    this.#reopen();
  }

  /** Forgets an adapter that no running sequence uses. */
  unloadAdapter(name: string): void {
    this.#adapters.delete(name);
    this.#sequences.forget(name);
    this.#reopen();
  }

  /** Frees everything. */
  async dispose(): Promise<void> {
    this.#session.dispose();
    this.#memory.clear();
    this.options.release?.();
    await this.#hugePages;
  }

  #open(): ProgramSession {
    const { library, config } = this.options;
    const adapters = this.#adapters.size ? new ProgramAdapters(config, new Map(this.#adapters)) : null;
    const session = new ProgramSession(library, this.#memory, this.options, adapters);
    this.#hugePages = Promise.all([this.#hugePages, session.hugePages]);
    return session;
  }

  #reopen(): void {
    // First the old one's memory, so that weights aren't there twice.
    this.#session.dispose();
    this.#session = this.#open();
  }

  #run(slot: number, ids: readonly number[][], rows: readonly number[], logits: boolean): ProgramOutput {
    const tokens = item(ids, 0).length;
    const running = this.#sequences.range(slot, ids.length);
    const lengths = running.map(({ length }) => length + tokens);
    this.#reserve(lengths.reduce((a, b) => Math.max(a, b)));
    const x = this.#embedded(ids.flat()), adapters = running.map(({ adapter }) => adapter);
    const sequences = ids.length, wanted = rows.length;
    return this.#session.run({ slot, sequences, x, tokens, lengths, rows, wanted, logits, adapters });
  }

  /**
   * A step of the only sequence, with a row beside it in all layers that nobody looks at. It is the first of its slot, since
   * attention reads all that stands before a row; what stood there comes back.
   */
  #runPair(id: number, logits: boolean): ProgramOutput {
    const [only = this.#sequences.at(0), beside] = this.#sequences.range(0, 2);
    this.#reserve(only.length + 1);
    const stood = beside?.length ? this.#memory.firstRow(1) : null;
    const x = new Float32Array(2 * this.options.config.hiddenSize), { adapter } = only;
    x.set(this.#embedded([id]));
    const out = this.#session.run({
      slot: 0,
      sequences: 2,
      x,
      tokens: 1,
      lengths: [only.length + 1, 1],
      rows: [0, 1],
      wanted: 1,
      logits,
      adapters: [adapter, adapter],
    });
    if (stood) this.#memory.setFirstRow(1, stood);
    return out;
  }

  #embedded(ids: ArrayLike<number>): Float32Array<ArrayBuffer> {
    const { config: { embeddingScale }, embed } = this.options;
    return scaleValues(embed(ids), embeddingScale);
  }

  #needPairs(): boolean {
    const { prepared, agree, library } = this.options;
    return this.#pairs ??= Object.values(prepared.products).some(({ bits, tiles }) => bits === 4 && !tiles) &&
      !(agree ?? rowsAgree(library));
  }

  #reserve(rows: number): void {
    if (this.#memory.reserve(rows, this.#sequences.lengths)) this.#session.unbind();
  }
}

function outlook(out: ProgramOutput, row: number, vocabSize: number, shared = 0): Outlook {
  const width = out.ids.length / out.count;
  return {
    ids: Array.from(out.ids.subarray(row * width, (row + 1) * width), Number),
    best: Array.from(out.best.subarray(row * width, (row + 1) * width)),
    logits: out.logits?.subarray(row * vocabSize, (row + 1) * vocabSize) ?? null,
    shared,
  };
}
