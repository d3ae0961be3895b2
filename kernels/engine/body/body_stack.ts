/**
 * All blocks as one program with frozen weights as constants, for devices that tensors don't stay on between runs: what a pass
 * moves there is the embedded rows and the trained tensors, what comes back is `[T, D]` or gradients. A backward run
 * computes the forward pass again, and its activations stay inside the program, regardless of `checkpointing`.
 *
 * One program serves every pass: with adapters off it gets zeros for them, without dropout masks of ones.
 * @module
 */
import { entryOf, valueOf } from "../../../formats/elements.ts";
import { isMagnitude } from "../../../formats/peft/names.ts";
import { differentiate, joined } from "../../autodiff.ts";
import type { Backend, Tensor } from "../../backend.ts";
import { type Graph, GraphBuilder } from "../../graph.ts";
import { blockGraph } from "../decoder/block_graph.ts";
import { EMBEDDING, embedGraph, ofLayer, weightNorm } from "../decoder/decoder.ts";
import { type DecoderConfig, layerAttentions } from "../decoder/decoder_config.ts";
import { angleInputs } from "../decoder/rope.ts";
import {
  type Body,
  type BodyPass,
  type BodySettings,
  disposeAll,
  hasDropout,
  type Rows,
  takeKept,
  uploadMasks,
} from "./body.ts";
import { HostEmbedding } from "./embedding.ts";
import { addNoise, uploadNoise } from "./noise.ts";
import type { Parameters } from "../weights/parameters.ts";
import { loraOfLayer, type Tuning } from "../weights/tuning.ts";
import { accumulate, accumulating, type Compiled, runProgram } from "../programs/compiled.ts";
import type { Programs } from "../programs/programs.ts";

/**
 * All blocks: `y [T, D]` from `x [T, D]`, or, with `embed`, from `ids [T]`. Other inputs are those of a block with
 * `model.layers.N.` before the names of its tensors and masks, and the embedding table, with `noisy` also `noise [T, D]`.
 */
export function stackGraph(config: DecoderConfig, tuning: Tuning, embed: boolean, noisy = false): Graph {
  const g = new GraphBuilder();
  let x = embed
    ? entryOf(g.include(embedGraph(config, noisy), {}, (name) => name === "w" ? EMBEDDING : name), "x")
    : g.input("x", ["T", config.hiddenSize]);
  const common = {
    ...angleInputs(g, config),
    until: g.input("until", ["T"], "i32"),
    positions: g.input("positions", ["T"], "i32"),
  };
  for (const [layer, attention] of layerAttentions(config).entries()) {
    const block = blockGraph(config, attention, loraOfLayer(config, tuning, layer), {
      dropout: hasDropout(tuning),
    });
    x = entryOf(g.include(block, { x, ...common }, (name) => ofLayer(layer, name)), "y");
  }
  return g.finish({ y: x });
}

/** The body as one program. */
export class StackBody implements Body {
  readonly #trained: readonly string[];
  #compiled: Promise<Compiled> | null = null;
  readonly #embedding: HostEmbedding;
  /** Inputs of the passes that were kept. */
  readonly #kept: { own: Record<string, Tensor>; rows: Rows }[] = [];
  /** Zeros instead of adapters, by name. */
  readonly #off = new Map<string, Tensor>();

  constructor(
    readonly backend: Backend,
    readonly settings: BodySettings,
    readonly parameters: Parameters,
    readonly programs: Programs,
  ) {
    this.#embedding = new HostEmbedding(backend, parameters.get(EMBEDDING), settings.config);
    this.#trained = [...parameters.trained.keys()].filter((name) =>
      name.startsWith("model.layers.") || name === EMBEDDING
    );
  }

  async forward(rows: Rows, { adapter, keep, dropoutStep }: BodyPass): Promise<Tensor> {
    const step = adapter ? dropoutStep : undefined;
    const own = { ...await this.#embedded(rows, step), ...this.#masks(rows, step) };
    const given = { ...rows.tensors, ...own, ...this.#tensors(adapter) };
    const outputs = await runProgram(await this.#program(), given, { optional: false });
    if (keep) this.#kept.push({ own, rows });
    else disposeAll(own);
    return entryOf(outputs, "y");
  }

  async backward(dy: Tensor): Promise<void> {
    const { own, rows } = takeKept(this.#kept);
    if (this.#trained.length === 0) return disposeAll({ ...own, dy });
    const names = Object.fromEntries(this.#trained.map((name) => [name, name]));
    const given = { ...rows.tensors, ...own, ...this.#tensors(true), "d.y": dy };
    const outputs = await accumulate(this.parameters, await this.#program(), names, given);
    disposeAll({ ...own, dy, y: entryOf(outputs, "y") });
  }

  discard(): void {
    for (const { own } of this.#kept.splice(0)) disposeAll(own);
  }

  #program(): Promise<Compiled> {
    return this.#compiled ??= this.programs.stack(() => this.#graph(), (name) => this.#constant(name));
  }

  #graph(): Graph {
    const { config, tuning } = this.settings, names = this.#trained;
    const graph = stackGraph(
      config,
      tuning,
      this.parameters.isTrained(EMBEDDING),
      this.settings.neftuneAlpha > 0,
    );
    if (names.length === 0) return graph;
    const { forward, backward } = differentiate(graph, ["y"], names);
    return joined({ forward, backward: accumulating(backward, names) });
  }

  /** The tensor of an input that stays the same; null for one that doesn't. */
  #constant(name: string): Tensor | null {
    return /^model\.layers\.\d+\.(?!mask\.)/.test(name) && !this.parameters.isTrained(name)
      ? this.parameters.get(name)
      : null;
  }

  #tensors(adapter: boolean): Record<string, Tensor> {
    return Object.fromEntries(
      this.#trained.map((
        name,
      ) => [name, adapter || !isAdapter(name) ? this.parameters.get(name, adapter) : this.#zero(name)]),
    );
  }

  /** The value of an adapter's tensor by which it changes nothing. */
  #zero(name: string): Tensor {
    if (isMagnitude(name)) return this.parameters.get(weightNorm(moduleOf(name)));
    const found = this.#off.get(name) ?? this.backend.zeros(valueOf(this.parameters.trained, name).shape);
    this.#off.set(name, found);
    return found;
  }

  /** A frozen table stays on the host: where the head is tied to it, it is on the device once already. */
  async #embedded(rows: Rows, step: number | undefined): Promise<Record<string, Tensor>> {
    const { tokens, lengths } = rows, { config: { hiddenSize }, neftuneAlpha, seed } = this.settings;
    if (!lengths) {
      return this.parameters.isTrained(EMBEDDING) ? {} : { x: await this.#embedding.rows(tokens) };
    }
    if (this.parameters.isTrained(EMBEDDING)) {
      const shape = [tokens.length, hiddenSize];
      return { noise: uploadNoise(this.backend, this.settings, rows, step) ?? this.backend.zeros(shape) };
    }
    const change = (x: Float32Array<ArrayBuffer>) => {
      if (step !== undefined) addNoise(x, { lengths, width: hiddenSize, alpha: neftuneAlpha, seed, step });
    };
    return { x: await this.#embedding.rows(tokens, change) };
  }

  #masks({ tokens }: Rows, step: number | undefined): Record<string, Tensor> {
    const layers = Array.from({ length: this.settings.config.numLayers }, (_, layer) => {
      const masks = uploadMasks(this.backend, this.settings, { layer, rows: tokens.length, step });
      return Object.entries(masks).map(([name, mask]) => [ofLayer(layer, name), mask] as const);
    });
    return Object.fromEntries(layers.flat());
  }
}

function isAdapter(name: string): boolean {
  return /\.lora_[AB]\.weight$/.test(name) || isMagnitude(name);
}

/** The module that lengths of rows are of. */
function moduleOf(name: string): string {
  return name.slice(0, name.lastIndexOf("."));
}
