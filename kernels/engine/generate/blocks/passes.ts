/**
 * Passes of a model's layers over rows and a key/value cache. Blocks run one after another through one program per shape class, as in
 * training; where tensors don't stay on the device each block is a program of its own with its weights as constants, and the cache moves.
 * @module
 */
import { entryOf } from "../../../../formats/elements.ts";
import type { Backend, Program, Tensor } from "../../../backend.ts";
import type { Graph } from "../../../graph.ts";
import { EMBEDDING, embedGraph, headWeight } from "../../decoder/decoder.ts";
import { attentionOf, type DecoderConfig } from "../../decoder/decoder_config.ts";
import { HostEmbedding } from "../../body/embedding.ts";
import type { Parameters } from "../../weights/parameters.ts";
import { loraOfLayer, type Tuning } from "../../weights/tuning.ts";
import { type Compiled, compileGraph, runProgram } from "../../programs/compiled.ts";
import { RotaryTables } from "../../decoder/rope.ts";
import type { KvCache, LayerCache, NextRows } from "./cache.ts";
import { arrangeGraph, chooseGraph, generationBlock, generationBlockInPlace, logitsGraph } from "./graph.ts";
import type { TokenPick } from "../outlook.ts";

/** Inputs of a pass over all layers; places and new rows are of all its rows `[T]`. */
export interface LayersPass extends Omit<NextRows, "into"> {
  /** Tokens, or where the device has them. */
  ids: Int32Array<ArrayBuffer> | Tensor;
  cache: KvCache;
  /** Tensors for new rows of a layer, made when absent. */
  into?(layer: number): LayerCache;
  /** Rows whose logits are wanted, `[L]`, ≥ 1; null: no head. */
  rows: Int32Array<ArrayBuffer> | null;
}

/** Ways to choose of some rows, `[rows]` each, as `choose_token` takes them. */
export type UploadedPicks = Readonly<Record<"scale" | "share", Tensor>>;

/** A model's weights and programs. */
export class ModelPasses {
  readonly #backend: Backend;
  readonly #config: DecoderConfig;
  readonly #tuning: Tuning;
  readonly #parameters: Parameters;
  readonly #embedding: HostEmbedding;
  readonly #rotary: RotaryTables;
  readonly #programs = new Map<string, Promise<Compiled>>();

  /** @param parameters On the backend of the passes. */
  constructor(config: DecoderConfig, tuning: Tuning, parameters: Parameters) {
    this.#backend = parameters.backend;
    this.#config = config;
    this.#tuning = tuning;
    this.#parameters = parameters;
    this.#embedding = new HostEmbedding(parameters.backend, parameters.get(EMBEDDING), config);
    this.#rotary = new RotaryTables(config);
  }

  /** Ways to choose, on the backend; the caller's. Put there before other work they part no commands. */
  uploadPicks(picks: readonly TokenPick[]): UploadedPicks {
    const put = (of: (pick: TokenPick) => number) =>
      this.#backend.upload(Float32Array.from(picks, of), [picks.length]);
    return {
      scale: put(({ temperature }) => temperature === 0 ? 0 : 1 / temperature),
      share: put(({ share }) => share),
    };
  }

  /** Ids `[rows]` of the tokens that follow logits `[rows, V]`, in `into` where it is given; the caller's. */
  async choose(logits: Tensor, picks: UploadedPicks, into?: Tensor): Promise<Tensor> {
    const choose = await this.#compiled("choose", () => chooseGraph(this.#config));
    const { ids } = await choose.program.run({ logits, ...picks }, into ? { ids: into } : {});
    return entryOf({ ids }, "ids") as Tensor;
  }

  /**
   * Runs all layers.
   * @param made Gets the new fresh rows of each layer.
   * @returns Logits `[L, V]` of the wanted rows, the caller's; null: none were wanted.
   */
  async run(pass: LayersPass, made: LayerCache[]): Promise<Tensor | null> {
    const backend = this.#backend, config = this.#config, count = pass.places.length;
    const common = {
      ...this.#rotary.upload(backend, pass.places),
      places: backend.upload(pass.places, [count]),
      put: backend.upload(pass.put, [count]),
      fresh_places: backend.upload(pass.freshPlaces, [pass.freshPlaces.length]),
    };
    const picked = pass.rows && backend.upload(pass.rows, [pass.rows.length]);
    const past_places = pass.cache.pastPlaces();
    let x = await this.#embedded(pass.ids);
    for (let layer = 0; layer < config.numLayers; layer++) {
      const past = pass.cache.pastOf(layer), fresh = pass.fresh(layer);
      const block = await this.#block(layer, pass.cache.inPlace);
      const given = {
        x,
        ...common,
        past_places,
        past_k: past.k,
        past_v: past.v,
        fresh_k: fresh.k,
        fresh_v: fresh.v,
      };
      const outputs = await block.program.run(
        { ...given, ...this.#parameters.blockTensors(block.inputs, layer) },
        pass.into ? { ...pass.into(layer) } : {},
      );
      made.push({ k: entryOf(outputs, "k"), v: entryOf(outputs, "v") });
      x.dispose();
      x = entryOf(outputs, "y");
    }
    const logits = picked && await this.#logits(x, picked);
    for (const tensor of [x, picked, ...Object.values(common)]) tensor?.dispose();
    return logits;
  }

  /** The program that lays a cache out. */
  async arrange(): Promise<Program> {
    return (await this.#compiled("arrange", () => arrangeGraph(this.#config))).program;
  }

  /** Frees the programs. */
  async dispose(): Promise<void> {
    for (const compiled of this.#programs.values()) await (await compiled).program.dispose();
  }

  async #logits(x: Tensor, rows: Tensor): Promise<Tensor> {
    const weights = {
      norm: this.#parameters.get("model.norm.weight"),
      w: this.#parameters.get(headWeight(this.#config)),
    };
    const head = await this.#compiled("head", () => logitsGraph(this.#config), () => weights);
    return entryOf(await runProgram(head, { x, rows, ...weights }), "logits");
  }

  async #embedded(tokens: Int32Array<ArrayBuffer> | Tensor): Promise<Tensor> {
    const backend = this.#backend, onHost = tokens instanceof Int32Array;
    if (!backend.keepsTensors) {
      return await this.#embedding.rows(
        onHost ? tokens : Int32Array.from(await backend.download(tokens)),
      );
    }
    const embed = await this.#compiled("embed", () => embedGraph(this.#config));
    const ids = onHost ? backend.upload(tokens, [tokens.length]) : tokens;
    const { x } = await embed.program.run({ w: this.#embedding.table, ids });
    if (onHost) ids.dispose();
    return entryOf({ x }, "x") as Tensor;
  }

  /** @param inPlace True if rows are put into the past. */
  #block(layer: number, inPlace: boolean): Promise<Compiled> {
    const attention = attentionOf(this.#config, layer), lora = loraOfLayer(this.#config, this.#tuning, layer);
    const key = this.#backend.keepsTensors ? JSON.stringify([attention, lora]) : layer;
    const graph = inPlace ? generationBlockInPlace : generationBlock;
    return this.#compiled(
      `block ${key}${inPlace ? " in place" : ""}`,
      () => graph(this.#config, attention, lora),
      (inputs) => this.#parameters.blockTensors(inputs, layer),
    );
  }

  /** @param weights Of a graph's inputs, those that stay the same. */
  #compiled(
    name: string,
    graph: () => Graph,
    weights: (inputs: readonly string[]) => Record<string, Tensor> = () => ({}),
  ): Promise<Compiled> {
    let compiled = this.#programs.get(name);
    if (!compiled) {
      const made = graph();
      const constants = this.#backend.keepsTensors ? {} : weights(Object.keys(made.inputs));
      compiled = compileGraph(this.#backend, made, name, { constants });
      this.#programs.set(name, compiled);
    }
    return compiled;
  }
}
