/**
 * The engine: log-probabilities of packed sequences, and gradients of whatever the trainer makes of them.
 *
 * forward → the caller weighs each label → backward. Blocks run one after another through one program per shape class;
 * between them stands `[T, D]`. With `checkpointing` only that is kept and a block's backward program computes its
 * activations again; without, the block's forward program hands them over.
 * @module
 */
import type { Backend, Tensor } from "../../kernels/backend.ts";
import { moduleShape } from "../models/decoder.ts";
import type { LinearModule } from "../models/decoder.ts";
import type { DecoderConfig } from "../models/model_family.ts";
import { dropoutMask, stream } from "../trainers/random.ts";
import type { Pack } from "./pack.ts";
import { loraOfLayer, Parameters, type Tuning } from "./parameters.ts";
import { type BlockClass, type Compiled, Programs } from "./programs.ts";
import { RotaryTable } from "./rope.ts";

/** How an engine is set up. */
export interface EngineOptions {
  config: DecoderConfig;
  tuning: Tuning;
  /** Gradient checkpointing: less memory, half as much work again. */
  checkpointing: boolean;
  /** Labels of a head chunk, ≥ 1: `[chunk, vocab]` float32 exists some three times. Default: {@linkcode labelChunkFor}. */
  labelChunk?: number;
  /** Seed of dropout masks. */
  seed?: number;
}

/** Which forward pass is wanted. */
export interface ForwardOptions {
  /** false: adapters off (the reference). */
  adapter: boolean;
  /** Keep what {@linkcode Engine.backward} needs. */
  keep: boolean;
  /** Number that decides dropout masks; undefined: no dropout (evaluation). */
  dropoutStep?: number;
}

/** Elements of a chunk's logits. */
const CHUNK_ELEMENTS = 128 * 49_152;

/**
 * Labels of one head chunk. At a vocabulary of 49,152 that is 128. Measured there: 64 make the head about a fifth
 * slower and save 70 MB; 256 make it 6 to 16 % faster and cost 60 MB more; 512 are no faster than 256 and cost 230 MB more.
 */
export function labelChunkFor(vocabSize: number): number {
  return Math.max(16, Math.min(1024, Math.floor(CHUNK_ELEMENTS / vocabSize)));
}

interface Chunk {
  rows: Tensor;
  ids: Tensor;
  dh: Tensor | null;
  start: number;
  count: number;
}

/** What a forward pass leaves for its backward pass. */
interface Tape {
  common: Record<string, Tensor>;
  ids: Tensor;
  inputs: Tensor[];
  saved: Record<string, Tensor>[];
  final: Tensor;
  chunks: Chunk[];
  dropoutStep: number | undefined;
}

/** A model on a backend. */
export class Engine {
  readonly parameters: Parameters;
  readonly #programs: Programs;
  readonly #rotary: RotaryTable;
  readonly #options: Required<EngineOptions>;
  #tape: Tape | null = null;

  constructor(
    readonly backend: Backend,
    options: EngineOptions,
    read: (name: string) => Float32Array<ArrayBuffer>,
    initial: Readonly<Record<string, Float32Array<ArrayBuffer>>> = {},
  ) {
    this.#options = { labelChunk: labelChunkFor(options.config.vocabSize), seed: 0, ...options };
    this.parameters = new Parameters(backend, options.config, options.tuning, read, initial);
    this.#programs = new Programs(backend, options.config, options.checkpointing ? "inputs" : "activations");
    this.#rotary = new RotaryTable(options.config.inverseFrequencies);
  }

  /** Log-probability (nats) of every label of a pack, `[L]`. */
  async forward(pack: Pack, options: ForwardOptions): Promise<Float64Array> {
    if (this.#tape) this.#discard();
    const { config } = this.#options, { backend } = this, rows = pack.ids.length;
    const common = this.#common(pack);
    const ids = backend.upload(pack.ids, [rows]);
    const tape: Tape = {
      common,
      ids,
      inputs: [],
      saved: [],
      final: ids,
      chunks: [],
      dropoutStep: options.dropoutStep,
    };
    let x =
      (await run(await this.#programs.embed(), { w: this.parameters.get("model.embed_tokens.weight"), ids }))
        .x!;
    for (let layer = 0; layer < config.numLayers; layer++) {
      const at = this.#blockClass(layer, options.adapter, options.dropoutStep !== undefined);
      const compiled = options.keep
        ? (await this.#programs.blockPair(at)).forward
        : await this.#programs.block(at);
      const masks = this.#masks(at, layer, rows, options.dropoutStep);
      const { y, ...saved } = await run(compiled, {
        x,
        ...common,
        ...this.#blockTensors(compiled, layer),
        ...masks,
      });
      disposeAll(masks);
      if (options.keep) tape.inputs.push(x);
      else x.dispose();
      tape.saved.push(saved);
      x = y!;
    }
    tape.final = x;
    const logps = await this.#head(pack, x, tape, options.keep);
    if (options.keep) this.#tape = tape;
    else disposeAll({ x, ids, ...common });
    return logps;
  }

  /**
   * Adds to the gradients of everything trained.
   * @param weights d loss / d log-probability of every label of the last forward pass that was kept, `[L]`.
   */
  async backward(weights: Float64Array): Promise<void> {
    const tape = this.#tape;
    if (!tape) throw new Error("Cannot go backward: no forward pass was kept");
    this.#tape = null;
    const { config } = this.#options;
    let dx = await this.#headBackward(tape, weights);
    for (let layer = config.numLayers - 1; layer >= 0; layer--) {
      const at = this.#blockClass(layer, true, tape.dropoutStep !== undefined);
      const { backward } = await this.#programs.blockPair(at);
      const x = tape.inputs[layer]!, saved = tape.saved[layer]!;
      const masks = this.#masks(at, layer, x.shape[0]!, tape.dropoutStep);
      const names = Object.fromEntries(at.trained.map((name) => [name, `model.layers.${layer}.${name}`]));
      const given = {
        x,
        ...tape.common,
        ...saved,
        ...masks,
        "d.y": dx,
        ...this.#blockTensors(backward, layer),
      };
      const result = await this.#accumulate(backward, names, given);
      disposeAll({ x, dx, ...saved, ...masks });
      dx = result["d.x"]!;
    }
    if (this.parameters.isTrained("model.embed_tokens.weight")) {
      await this.#accumulate(await this.#programs.embedBackward(), { w: "model.embed_tokens.weight" }, {
        ids: tape.ids,
        "d.x": dx,
        w: this.parameters.get("model.embed_tokens.weight"),
      });
    }
    disposeAll({ dx, ids: tape.ids, ...tape.common });
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
    const before = this.#options.config.numLayers;
    for (let layers = 0; layers <= before; layers++) {
      const row = await this.#nonFiniteRow(pack, layers);
      if (row >= 0) return { layer: layers === 0 ? "model.embed_tokens" : `model.layers.${layers - 1}`, row };
    }
    return null;
  }

  async #nonFiniteRow(pack: Pack, layers: number): Promise<number> {
    const { config } = this.#options, { backend } = this, rows = pack.ids.length;
    const common = this.#common(pack);
    const ids = backend.upload(pack.ids, [rows]);
    let x =
      (await run(await this.#programs.embed(), { w: this.parameters.get("model.embed_tokens.weight"), ids }))
        .x!;
    for (let layer = 0; layer < layers; layer++) {
      const compiled = await this.#programs.block(this.#blockClass(layer, true, false));
      const { y } = await run(compiled, { x, ...common, ...this.#blockTensors(compiled, layer) });
      x.dispose();
      x = y!;
    }
    const values = await backend.download(x);
    const found = values.findIndex((v) => !Number.isFinite(v));
    disposeAll({ x, ids, ...common });
    return found < 0 ? -1 : Math.floor(found / config.hiddenSize);
  }

  /** What every block takes: angles, ends of subtrees, positions. */
  #common(pack: Pack): Record<"cos" | "sin" | "until" | "positions", Tensor> {
    const { cos, sin } = this.#rotary.rows(pack.positions), { backend } = this;
    const rows = pack.ids.length, half = this.#options.config.headDim / 2;
    return {
      cos: backend.upload(cos, [rows, half]),
      sin: backend.upload(sin, [rows, half]),
      until: backend.upload(pack.until, [rows]),
      positions: backend.upload(pack.positions, [rows]),
    };
  }

  get #headName(): string {
    return this.#options.config.tieWordEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight";
  }

  async #head(pack: Pack, x: Tensor, tape: Tape, keep: boolean): Promise<Float64Array> {
    const { labelChunk } = this.#options, { backend } = this;
    const unit = keep && !this.parameters.isTrained(this.#headName);
    const compiled = await this.#programs.head(unit);
    const logps = new Float64Array(pack.labelIds.length), parts: [start: number, logp: Tensor][] = [];
    for (let start = 0; start < logps.length; start += labelChunk) {
      const end = Math.min(start + labelChunk, logps.length), count = end - start;
      const rows = backend.upload(pack.labelRows.slice(start, end), [count]);
      const ids = backend.upload(pack.labelIds.slice(start, end), [count]);
      const norm = this.parameters.get("model.norm.weight"), w = this.parameters.get(this.#headName);
      const { logp, dh } = await run(compiled, { x, norm, w, rows, ids });
      parts.push([start, logp!]);
      if (keep) tape.chunks.push({ rows, ids, dh: dh ?? null, start, count });
      else disposeAll({ rows, ids });
    }
    // All at once: each wait for a device costs more than a chunk.
    await Promise.all(parts.map(async ([start, logp]) => logps.set(await backend.download(logp), start)));
    for (const [, logp] of parts) logp.dispose();
    return logps;
  }

  async #headBackward(tape: Tape, weights: Float64Array): Promise<Tensor> {
    const { backend } = this, x = tape.final, norm = this.parameters.get("model.norm.weight");
    let dx = backend.zeros(x.shape);
    for (const { rows, ids, dh, start, count } of tape.chunks) {
      const chunk = backend.upload(Float32Array.from(weights.subarray(start, start + count)), [count]);
      let next: Tensor;
      if (dh) {
        next =
          (await run(await this.#programs.headBackward(), { x, norm, rows, dh, weights: chunk, before: dx }))[
            "d.x"
          ]!;
      } else {
        const compiled = await this.#programs.trainedHeadBackward();
        const given = {
          x,
          norm,
          w: this.parameters.get(this.#headName),
          rows,
          ids,
          "d.logp": chunk,
          "acc.x": dx,
        };
        next =
          (await this.#accumulate(compiled, { norm: "model.norm.weight", w: this.#headName }, given))["d.x"]!;
      }
      disposeAll({ dx, chunk, rows, ids, ...(dh ? { dh } : {}) });
      dx = next;
    }
    x.dispose();
    return dx;
  }

  /** Runs a program that adds to gradients; `names` maps its inputs to trained tensors. */
  async #accumulate(compiled: Compiled, names: Record<string, string>, given: Record<string, Tensor>) {
    const { parameters } = this, pairs = Object.entries(names);
    const sums = Object.fromEntries(pairs.map(([name, full]) => [`acc.${name}`, parameters.gradient(full)]));
    const result = await run(compiled, { ...given, ...sums });
    for (const [name, full] of pairs) parameters.setGradient(full, result[`d.${name}`]!);
    return result;
  }

  #blockClass(layer: number, adapter: boolean, training: boolean): BlockClass {
    const { config, tuning } = this.#options;
    const lora = adapter ? loraOfLayer(tuning, layer) : {};
    const prefix = `model.layers.${layer}.`;
    const trained = [...this.parameters.trained.keys()].filter((n) => n.startsWith(prefix)).map((n) =>
      n.slice(prefix.length)
    );
    return {
      window: config.slidingWindow[layer] ?? null,
      lora,
      dropout: training && tuning.type === "lora" && tuning.dropout > 0,
      trained: adapter ? trained : [],
    };
  }

  /** The block's own tensors among a program's inputs. */
  #blockTensors(compiled: Compiled, layer: number): Record<string, Tensor> {
    const names = compiled.inputs.filter((n) => n.includes(".") && !/^(saved|acc|d|mask)\./.test(n));
    return Object.fromEntries(names.map((n) => [n, this.parameters.get(`model.layers.${layer}.${n}`)]));
  }

  #masks(at: BlockClass, layer: number, rows: number, step: number | undefined): Record<string, Tensor> {
    const { tuning, config, seed } = this.#options;
    if (!at.dropout || tuning.type !== "lora" || step === undefined) return {};
    return Object.fromEntries(
      Object.keys(at.lora).map((module) => {
        const inner = moduleShape(config, module as LinearModule)[1], mask = new Float32Array(rows * inner);
        dropoutMask(mask, tuning.dropout, seed, step, stream(`model.layers.${layer}.${module}`));
        return [`mask.${module}`, this.backend.upload(mask, [rows, inner])];
      }),
    );
  }

  #discard(): void {
    const { common, ids, inputs, saved, final, chunks } = this.#tape!;
    this.#tape = null;
    disposeAll({ ids, final, ...common });
    [...inputs, ...saved.flatMap((s) => Object.values(s))].forEach((t) => t.dispose());
    chunks.forEach(({ rows, ids, dh }) => disposeAll({ rows, ids, ...(dh ? { dh } : {}) }));
  }
}

/** Runs with what the program takes among the given tensors. */
function run(compiled: Compiled, given: Record<string, Tensor>) {
  const inputs: Record<string, Tensor> = {};
  for (const name of compiled.inputs) if (given[name]) inputs[name] = given[name];
  return compiled.program.run(inputs);
}

function disposeAll(tensors: Record<string, Tensor>): void {
  for (const tensor of Object.values(tensors)) tensor.dispose();
}
