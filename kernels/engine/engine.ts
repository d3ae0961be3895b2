/**
 * The engine: log-probabilities of packed sequences, and gradients of what the trainer computes from them.
 *
 * forward → the caller weighs each label → backward. A {@linkcode Body} takes tokens to rows, a {@linkcode Head} rows to
 * log-probabilities, a {@linkcode ValueHead} to values.
 * @module
 */
import { valueOf } from "../../formats/elements.ts";
import type { Backend } from "../backend.ts";
import { keepFor } from "./decoder/checkpointing.ts";
import type { DecoderConfig } from "./decoder/decoder_config.ts";
import { type Body, type BodyForm, disposeAll, type Rows } from "./body/body.ts";
import { BlocksBody } from "./body/body_blocks.ts";
import { StackBody } from "./body/body_stack.ts";
import type { ForwardOptions, ForwardPass } from "./forward.ts";
import { Head } from "./head/head.ts";
import type { HeadLabels, OutputHead } from "./head/output_head.ts";
import { ValueHead } from "./head/value_head.ts";
import { rowLengths } from "./body/noise.ts";
import type { Pack } from "./packs/pack.ts";
import { padded } from "./packs/padding.ts";
import { Parameters, type ReadTensor } from "./weights/parameters.ts";
import type { Tuning } from "./weights/tuning.ts";
import { type OnCompile, Programs } from "./programs/programs.ts";
import { RotaryTables } from "./decoder/rope.ts";

/** Options of an engine. */
export interface EngineOptions {
  config: DecoderConfig;
  tuning: Tuning;
  /** Gradient checkpointing: less memory, up to half as much work again ({@linkcode keepFor}). Without effect on `body: "stack"`. */
  checkpointing: boolean;
  /** True if memory counts more than time: checkpointing keeps less on a CPU, too ({@linkcode keepFor}). Default false. */
  sparing?: boolean;
  /** Labels of a head chunk, ≥ 1: `[chunk, vocab]` float32 exists some three times. Default: `labelChunkOn` of head/head.ts. */
  labelChunk?: number;
  /**
   * ε in [0, 1), default 0: a label's log-probability is (1 − ε) of its own and ε of the mean over the vocabulary
   * (transformers' LabelSmoother), so that minus the sum is the smoothed loss.
   */
  labelSmoothing?: number;
  /** α ≥ 0 of the noise that embeddings get in passes with a `dropoutStep` and adapters (noise.ts); default 0: none. */
  neftuneAlpha?: number;
  /** Seed of dropout masks and noise. */
  seed?: number;
  /** Told when a program is compiled, which may take many seconds. */
  onCompile?: OnCompile;
  /** Tensors of the model that are trained are kept as they were, too, so that passes without adapters are the reference. Default false. */
  keepsOriginal?: boolean;
  /** Default: `blocks` where tensors stay on the device between runs, or what is trained is kept as it was, else `stack`. */
  body?: BodyForm;
}

/** A model on a backend. */
export class Engine {
  readonly parameters: Parameters;
  readonly form: BodyForm;
  readonly #programs: Programs;
  readonly #rotary: RotaryTables;
  readonly #blocks: BlocksBody;
  readonly #body: Body;
  readonly #head: OutputHead;
  readonly #config: DecoderConfig;
  readonly #noisy: boolean;
  /** Of passes that were kept, the one that goes backward next first. */
  #kept: Rows[] = [];

  /** @throws {TypeError} If weights in 4 or 8 bits are to be computed with as one program, which reads float32 */
  constructor(
    readonly backend: Backend,
    options: EngineOptions,
    read: ReadTensor,
    initial: Readonly<Record<string, Float32Array<ArrayBuffer>>> = {},
  ) {
    const { config, tuning, checkpointing, labelChunk, seed = 0 } = options;
    const { labelSmoothing = 0, neftuneAlpha = 0, keepsOriginal = false } = options;
    this.#config = config;
    this.#noisy = neftuneAlpha > 0;
    // The one program for all blocks has what isn't trained in itself, and no second set of weights.
    this.form = options.body ?? (backend.keepsTensors || keepsOriginal ? "blocks" : "stack");
    this.parameters = new Parameters(backend, { config, tuning, read, initial, keepsOriginal });
    if (this.form === "stack" && this.parameters.isPacked) {
      throw new TypeError(
        "Cannot keep weights in 4 or 8 bits: all blocks are one program here, whose weights are float32",
      );
    }
    this.#programs = new Programs(backend, config, {
      keep: keepFor(checkpointing, backend, options.sparing ?? false),
      constants: this.form === "stack",
      onCompile: options.onCompile,
    });
    this.#rotary = new RotaryTables(config);
    const settings = { config, tuning, seed, neftuneAlpha };
    this.#blocks = new BlocksBody(backend, settings, this.parameters, this.#programs);
    this.#body = this.form === "blocks"
      ? this.#blocks
      : new StackBody(backend, settings, this.parameters, this.#programs);
    const parts = { parameters: this.parameters, programs: this.#programs };
    this.#head = tuning.valueHead
      ? new ValueHead(backend, config, { ...parts, dropout: tuning.valueHead.dropout, seed })
      : new Head(backend, config, { ...parts, labelChunk, smoothing: labelSmoothing });
  }

  /**
   * Log-probability (nats) of every label of a pack, `[L]`, smoothed where the engine smooths; further rows with `best` and a `measure`. Of a value
   * head the values.
   */
  async forward(pack: Pack, options: ForwardOptions): Promise<Float64Array> {
    this.#discard();
    const read = await this.#submit(pack, options);
    return await read();
  }

  /** Several passes, each as {@linkcode Engine.forward}, with one wait for the device. Those that are kept go backward in their order. */
  async forwardAll(passes: readonly ForwardPass[]): Promise<Float64Array[]> {
    this.#discard();
    const reads: (() => Promise<Float64Array>)[] = [];
    for (const { pack, ...options } of passes) reads.push(await this.#submit(pack, options));
    return await Promise.all(reads.map((read) => read()));
  }

  /** Hands a forward pass over; gives what waits for its log-probabilities. */
  async #submit(
    pack: Pack,
    { adapter, keep, dropoutStep, best, measure }: ForwardOptions,
  ): Promise<() => Promise<Float64Array>> {
    const labels = this.#labels(pack), rows = this.#rows(pack, labels.wanted);
    const reference = measure === "divergence"
      ? await this.#body.forward(rows, { adapter: false, keep: false, dropoutStep: undefined })
      : null;
    const x = await this.#body.forward(rows, { adapter, keep, dropoutStep });
    const read = await this.#head.forward(labels, { x, reference }, {
      adapter,
      keep,
      dropoutStep,
      ...(best && { best }),
      ...(measure && { measure }),
    });
    if (keep) this.#kept.push(rows);
    else disposeAll({ x, ...rows.tensors });
    return read;
  }

  /**
   * Adds to the gradients of everything trained.
   * @param weights d loss / d log-probability, or value, of every label of the forward pass that is kept longest, `[L]`; with a divergence behind
   * them d loss / d divergence, `[2, L]` in all.
   * @throws {Error} If none is kept
   */
  async backward(weights: Float64Array): Promise<void> {
    const rows = this.#kept.shift();
    if (!rows) throw new Error("Cannot go backward: no forward pass was kept");
    await this.#body.backward(await this.#head.backward(weights));
    disposeAll(rows.tensors);
  }

  /** Frees programs and tensors. */
  async dispose(): Promise<void> {
    await this.#programs.dispose();
    await this.backend.dispose();
  }

  /**
   * Name of the first layer whose output isn't finite, and the row, for an error message; null when all are.
   * Runs the pack once more, block by block.
   */
  async findNonFinite(pack: Pack): Promise<{ layer: string; row: number } | null> {
    const rows = this.#rows(pack, null), { numLayers, hiddenSize } = this.#config;
    try {
      for (let layers = 0; layers <= numLayers; layers++) {
        const found = await this.#blocks.firstNonFinite(rows, layers);
        if (found < 0) continue;
        const layer = layers === 0 ? "model.embed_tokens" : `model.layers.${layers - 1}`;
        return { layer, row: Math.floor(found / hiddenSize) };
      }
      return null;
    } finally {
      disposeAll(rows.tensors);
    }
  }

  /**
   * Labels by the rows that the body gives. Where every new length costs plans, and in one program for all blocks, it gives all;
   * else those that have a label: of an IOPO quadruple 40 to 70 %.
   */
  #labels({ labelRows, labelIds }: Pack): HeadLabels & Pick<Rows, "wanted"> {
    if (this.backend.fewSizes || this.form === "stack") return { labelRows, labelIds, wanted: null };
    const wanted = Int32Array.from(new Set(labelRows)),
      places = new Map([...wanted].map((row, i) => [row, i]));
    return { labelRows: labelRows.map((row) => valueOf(places, row)), labelIds, wanted };
  }

  #rows(pack: Pack, wanted: Rows["wanted"]): Rows {
    const { backend } = this, { ids, until, positions } = backend.fewSizes ? padded(pack) : pack;
    const count = ids.length;
    return {
      tokens: ids,
      tensors: {
        ids: backend.upload(ids, [count]),
        ...this.#rotary.upload(backend, positions),
        until: backend.upload(until, [count]),
        positions: backend.upload(positions, [count]),
        ...(wanted && { wanted: backend.upload(wanted, [wanted.length]) }),
      },
      lengths: this.#noisy ? rowLengths(pack) : null,
      wanted,
    };
  }

  #discard(): void {
    for (const { tensors } of this.#kept.splice(0)) disposeAll(tensors);
    this.#body.discard();
    this.#head.discard();
  }
}
