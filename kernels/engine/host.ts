/**
 * An engine with its optimizer, as the training loop uses it. It lives in a Worker (worker.ts), so that progress, Ctrl-C and
 * a server stay responsive while a program runs; tests may use it directly.
 * @module
 */
import { isLoraB } from "../../formats/peft/names.ts";
import type { Backend } from "../backend.ts";
import { tensorShapes } from "./decoder/decoder.ts";
import type { DecoderConfig } from "./decoder/decoder_config.ts";
import { Engine } from "./engine.ts";
import type { EmbeddingChange } from "./weights/embedding_change.ts";
import type { FreshStart } from "./weights/fresh_weights.ts";
import type { ForwardOptions, ForwardPass, LabelMeasure } from "./forward.ts";
import type { Pack } from "./packs/pack.ts";
import { choosePackRows, type PackRows, type PackSettings } from "./pack_rows.ts";
import { type NamedArrays, type Optimizer } from "./optimizer/optimizer.ts";
import { makeOptimizer } from "./optimizer/make_optimizer.ts";
import type { OptimizerOptions } from "./optimizer/rules.ts";
import type { ReadTensor } from "./weights/parameters.ts";
import type { Tuning } from "./weights/tuning.ts";

/** The backend that runs the kernels. */
export interface BackendChoice {
  backend: "onnx" | "webgpu" | "reference";
  provider: "cpu" | "cuda" | "webgpu";
  /** null: `OMP_NUM_THREADS`, or one per core. */
  threads: number | null;
  /** webgpu: keep frozen matrices as float16 even where that rounds them; onnx: compute with them, too. */
  fp16?: boolean;
  /** onnx: keep frozen matrices as bfloat16 and compute with them. */
  bf16?: boolean;
  /** cuda: whether products of float32 may be TF32; absent: as NVIDIA's variable says. */
  tf32?: boolean;
  /** webgpu: whether the model's file has quantised blocks, so that taking them apart on the device is tried. */
  blocks?: boolean;
  /** onnx with cpu or cuda: place of tensors between programs. Default: with the host. */
  tensors?: "host" | "device";
}

/** Everything an engine is made from; can be sent to a Worker. */
export interface EngineSetup {
  /** Folder or GGUF file of the model. */
  modelPath: string;
  /** Folders of adapters that are merged into the model, in turn; absent: none. */
  merged?: readonly string[];
  /** Its weights aren't read: these are drawn; absent: read. */
  fresh?: FreshStart;
  /** `decoder` has another embedding or head than the model's files; absent: the same. */
  embeddings?: EmbeddingChange;
  decoder: DecoderConfig;
  tuning: Tuning;
  /** Initial values of what is trained, where they aren't the model's own, by the engine's names. */
  initial: Record<string, Float32Array<ArrayBuffer>>;
  checkpointing: boolean;
  /** Bits of frozen modules' weights; null: as the backend keeps them. */
  quantizationBit?: 4 | 8 | null;
  seed: number;
  /** ε of smoothed labels, in [0, 1); absent: 0. */
  labelSmoothing?: number;
  /** α ≥ 0 of noise on embeddings (NEFTune); absent: 0. */
  neftuneAlpha?: number;
  /** What is trained of the model is kept as it was, too, as the reference of passes without adapters; absent: false. */
  keepsOriginal?: boolean;
  /** What the loss measures of labels' distributions, for the memory of packs; absent: nothing. */
  labelMeasure?: LabelMeasure | undefined;
  device: BackendChoice;
  /** null: no optimizer (evaluation only). */
  optimizer: OptimizerOptions | null;
}

/** Operations of an engine for the training loop. All numbers are copies. */
export interface EngineClient {
  /** Number of devices that share a pack's trees, ≥ 1: packs may be so many times as large. */
  readonly replicas: number;
  /** Backend that runs the kernels, human-readable. */
  describe(): Promise<string>;
  /** Most rows of a pack, and of packs that are handed over together. @param given Rows of a pack; absent: as the device holds */
  packRows(given?: number): Promise<PackRows>;
  /** See {@linkcode Engine.forward}. */
  forward(pack: Pack, options: ForwardOptions): Promise<Float64Array>;
  /** See {@linkcode Engine.forwardAll}; absent where several passes are no better than one after the other. */
  forwardAll?(passes: readonly ForwardPass[]): Promise<Float64Array[]>;
  /** See {@linkcode Engine.backward}. */
  backward(weights: Float64Array): Promise<void>;
  /**
   * Clips, steps and zeroes gradients. Gives the norm before clipping.
   * @throws {RangeError} If a gradient isn't finite (the tensor is named); nothing was changed then.
   */
  step(learningRate: number, maxNorm: number): Promise<number>;
  /** See {@linkcode Optimizer.stepAhead}; absent where a step waits for nothing. */
  stepAhead?(learningRate: number, maxNorm: number): Promise<void>;
  /** See {@linkcode Optimizer.lateNorm}. */
  lateNorm?(): Promise<number | null>;
  /** Drops gradients of an unfinished step. */
  discard(): Promise<void>;
  /** True if adapters change nothing because every B is zero and no length is changed. */
  isIdentity(): Promise<boolean>;
  /** Trained tensors by name, float32. */
  trained(): Promise<Record<string, Float32Array<ArrayBuffer>>>;
  optimizerState(): Promise<NamedArrays>;
  /** Puts trained tensors and optimizer state back. An engine in a Worker takes the arrays over: they are empty then. */
  restore(trained: Record<string, Float32Array>, optimizer: NamedArrays | null): Promise<void>;
  findNonFinite(pack: Pack): Promise<{ layer: string; row: number } | null>;
  close(): Promise<void>;
}

/** Every method of {@linkcode EngineClient}: what a Worker answers and a caller may ask. */
export const ENGINE_METHODS = [
  "describe",
  "packRows",
  "forward",
  "forwardAll",
  "backward",
  "step",
  "stepAhead",
  "lateNorm",
  "discard",
  "isIdentity",
  "trained",
  "optimizerState",
  "restore",
  "findNonFinite",
  "close",
] as const satisfies readonly Exclude<keyof EngineClient, "replicas">[];

/** Gets how far a part of the work is that isn't a step: `done` of `total`; where its length can't be known, `total` is 0 and `done` 1 at its end. */
export type OnPhase = (name: string, done: number, total: number) => void;

/** An engine in this thread. */
export class EngineHost implements EngineClient {
  readonly replicas = 1;
  readonly forwardAll?: NonNullable<EngineClient["forwardAll"]>;
  readonly stepAhead?: NonNullable<EngineClient["stepAhead"]>;
  readonly lateNorm?: NonNullable<EngineClient["lateNorm"]>;
  readonly #engine: Engine;
  readonly #optimizer: Optimizer | null;
  readonly #settings: PackSettings;
  /** True if adapters change nothing: known from the values that were given, and those are looked at when it is asked for. */
  #identity: boolean | { given: Readonly<Record<string, Float32Array>> };

  /**
   * @param onPhase Told of weights that are read, and of programs that are compiled.
   * @throws {RangeError} If weights in few bits are asked for where nothing has shown them right.
   */
  constructor(
    backend: Backend,
    setup: EngineSetup,
    read: ReadTensor,
    onPhase: OnPhase = () => {},
  ) {
    if (setup.quantizationBit && backend.name === "webgpu") {
      throw new RangeError(
        `Cannot use quantization_bit: ${setup.quantizationBit} on backend webgpu: its products of 4 and 8 bits are tried ` +
          "as kernels only; use backend: onnx, or leave it out (frozen weights are float16 there)",
      );
    }
    const { decoder: config, tuning, checkpointing, seed, initial } = setup;
    const { labelSmoothing = 0, neftuneAlpha = 0, keepsOriginal = false, labelMeasure } = setup;
    this.#settings = { config, tuning, checkpointing, labelMeasure };
    const onCompile = (what: string, done: boolean) => onPhase(`compiling ${what}`, done ? 1 : 0, 0);
    const tensors = tensorShapes(config).size;
    let count = 0;
    const reading = (name: string) => {
      const values = read(name);
      onPhase("reading weights", ++count, tensors);
      return values;
    };
    // Somebody who asks for weights in few bits lacks memory.
    const sparing = (setup.quantizationBit ?? null) !== null;
    const options = {
      ...{ config, tuning, checkpointing, sparing, seed, labelSmoothing, neftuneAlpha, keepsOriginal },
      onCompile,
    };
    this.#engine = new Engine(backend, options, reading, initial);
    this.#identity = { given: initial };
    const optimizer = setup.optimizer && makeOptimizer(this.#engine.parameters, setup.optimizer);
    this.#optimizer = optimizer;
    if (backend.hostMemory) return;
    this.forwardAll = (passes) => this.#engine.forwardAll(passes);
    if (!optimizer?.stepAhead || !optimizer.lateNorm) return;
    this.stepAhead = async (learningRate, maxNorm) => {
      await optimizer.stepAhead?.(learningRate, maxNorm);
      // It isn't known yet if the norm is 0.
      if (learningRate !== 0) this.#identity = false;
    };
    this.lateNorm = optimizer.lateNorm.bind(optimizer);
  }

  describe(): Promise<string> {
    const { backend: { name, description }, form } = this.#engine;
    return Promise.resolve(`${name}: ${description}${form === "stack" ? ", all blocks in one program" : ""}`);
  }

  packRows(given?: number): Promise<PackRows> {
    return choosePackRows(this.#engine.backend, this.#settings, 0, given);
  }

  forward(pack: Pack, options: ForwardOptions): Promise<Float64Array> {
    return this.#engine.forward(pack, options);
  }

  backward(weights: Float64Array): Promise<void> {
    return this.#engine.backward(weights);
  }

  async step(learningRate: number, maxNorm: number): Promise<number> {
    if (!this.#optimizer) throw new Error("Cannot step: this engine was made without an optimizer");
    const norm = await this.#optimizer.step(learningRate, maxNorm);
    // A step of nothing, as the first one of a warmup is, leaves zeros zero.
    if (learningRate !== 0 && norm !== 0) this.#identity = false;
    return norm;
  }

  discard(): Promise<void> {
    this.#engine.parameters.tuned.zeroGradients();
    return Promise.resolve();
  }

  async isIdentity(): Promise<boolean> {
    if (typeof this.#identity !== "boolean") this.#identity = await this.#isZero(this.#identity.given);
    return this.#identity;
  }

  /**
   * True if every B of the adapters is zero, and lengths of DoRA and whole tensors are the frozen ones, among these values of trained tensors;
   * what isn't there is so.
   */
  async #isZero(values: Readonly<Record<string, Float32Array>>): Promise<boolean> {
    const b = [...this.#engine.parameters.trained.keys()].filter(isLoraB);
    const isZero = b.length > 0 && b.every((name) => values[name]?.every((value) => value === 0) ?? true);
    return isZero && await this.#engine.parameters.startsAsFrozen(values);
  }

  trained(): Promise<Record<string, Float32Array<ArrayBuffer>>> {
    return this.#engine.parameters.values();
  }

  async optimizerState(): Promise<NamedArrays> {
    return await this.#optimizer?.state() ?? {};
  }

  restore(trained: Record<string, Float32Array>, optimizer: NamedArrays | null): Promise<void> {
    this.#engine.parameters.restore(trained);
    this.#identity = { given: trained };
    if (optimizer) this.#optimizer?.restore(optimizer);
    return Promise.resolve();
  }

  findNonFinite(pack: Pack): Promise<{ layer: string; row: number } | null> {
    return this.#engine.findNonFinite(pack);
  }

  close(): Promise<void> {
    return this.#engine.dispose();
  }
}
