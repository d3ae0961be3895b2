/**
 * A model's tensors on a backend: frozen ones, trained ones with their gradients, by their names in transformers and PEFT.
 * @module
 */
import { entryOf, item } from "../../../formats/elements.ts";
import { type Backend, elements, type HostArray, type Tensor } from "../../backend.ts";
import type { FloatPieces } from "../../../formats/float_pieces.ts";
import { loraNames } from "../../../formats/peft/names.ts";
import { type PackedMatrix, unpacked } from "../../../formats/packed/mod.ts";
import {
  type BlockPacking,
  HEAD,
  linearModules,
  moduleShape,
  ofLayer,
  packedInputs,
  tensorShapes,
  weightNorm,
} from "../decoder/decoder.ts";
import type { DecoderConfig } from "../decoder/decoder_config.ts";
import { rowNorms } from "./row_norms.ts";
import { type Trained, TrainedTensors } from "./trained_tensors.ts";
import { isTuned, trainedShapes, type Tuning } from "./tuning.ts";

/** A base tensor by its name in transformers: its values, at once or piece by piece, or, a frozen module's weight, in 4 or 8 bits. */
export type ReadTensor = (name: string) => Float32Array<ArrayBuffer> | FloatPieces | PackedMatrix;

function float32Of(values: Float32Array<ArrayBuffer> | FloatPieces): Float32Array<ArrayBuffer> {
  return "pieces" in values ? values.float32() : values;
}

/** A copy of what a tensor starts from. @throws {TypeError} If it is of another size */
function initialValues(
  name: string,
  shape: readonly number[],
  values: Float32Array,
): Float32Array<ArrayBuffer> {
  if (values.length === elements(shape)) return Float32Array.from(values);
  throw new TypeError(
    `Cannot start from tensor "${name}" as [${shape}]: current value has ${values.length} elements`,
  );
}

/** What a model is made of. */
export interface ModelSource {
  /** Its sizes. */
  config: DecoderConfig;
  /** Which tensors are trained. */
  tuning: Tuning;
  /** Base tensors; each is read once. */
  read: ReadTensor;
  /**
   * Values of tensors that are trained with LoRA, and of a value head, by name; missing ones are zeros, lengths of DoRA those of the frozen rows, whole
   * tensors the model's.
   */
  initial?: Readonly<Record<string, Float32Array<ArrayBuffer>>>;
  /** Tensors of the model that are trained are kept as they were, for passes without adapters; with LoRA they always are. Default false. */
  keepsOriginal?: boolean;
}

/** All tensors of a model. */
export class Parameters {
  readonly #tensors = new Map<string, Tensor>();
  /** By layer. */
  readonly #packing: BlockPacking[] = [];
  /** Of a program's inputs, by layer. */
  readonly #fullNames = new WeakMap<readonly string[], (readonly string[])[]>();
  /** What is trained, with its gradients. */
  readonly tuned: TrainedTensors;
  /** Lengths of frozen rows of modules with DoRA, `[out]`, by the name of the trained lengths, which start as they are. */
  readonly #weightNorms = new Map<string, Float32Array<ArrayBuffer>>();

  /** Uploads a model. @throws {RangeError} If an initial value is of no trained tensor */
  constructor(
    readonly backend: Backend,
    { config, tuning, read, initial = {}, keepsOriginal = false }: ModelSource,
  ) {
    const shapes = trainedShapes(config, tuning);
    this.tuned = new TrainedTensors(backend, shapes);
    for (const [name, shape] of tensorShapes(config)) {
      if (tuning.valueHead && name === HEAD) continue;
      const values = read(name);
      this.#measure(name, shape, values, tuning);
      if ("codes" in values) this.#pack(name, values, config, tuning);
      else if ((tuning.type === "lora" || keepsOriginal) && isTuned(name, tuning)) {
        // passes without adapters take the programs of those with them, so both are float32
        this.#tensors.set(name, backend.upload(float32Of(values), shape));
        this.tuned.put(name, initialValues(name, shape, initial[name] ?? float32Of(values)));
      } else if (isTuned(name, tuning)) this.tuned.put(name, float32Of(values));
      else this.#tensors.set(name, this.#freeze(values, shape));
    }
    for (const name of Object.keys(initial)) {
      if (!shapes.has(name)) {
        throw new RangeError(
          `Cannot start from tensor "${name}": it isn't among the trained tensors of this run`,
        );
      }
    }
    for (const [name, shape] of shapes) {
      if (this.tuned.all.has(name)) continue;
      const values = initial[name] ?? this.#weightNorms.get(name) ?? new Float32Array(elements(shape));
      this.tuned.put(name, initialValues(name, shape, values));
    }
  }

  /**
   * True if lengths of DoRA and whole tensors are the frozen ones, so that they change nothing where B is zero; those that aren't there are.
   */
  async startsAsFrozen(values: Readonly<Record<string, Float32Array>>): Promise<boolean> {
    for (const name of this.trained.keys()) {
      const given = values[name], frozen = this.#weightNorms.get(name) ?? await this.#frozenValues(name);
      if (given && frozen && !frozen.every((value, i) => value === given[i])) return false;
    }
    return true;
  }

  /** Of a tensor that is trained beside adapters; null of others. */
  async #frozenValues(name: string): Promise<Float32Array | null> {
    const tensor = this.#tensors.get(name);
    return tensor === undefined ? null : await this.backend.download(tensor) as Float32Array;
  }

  /** Notes the lengths of a weight's rows where its module has DoRA. */
  #measure(
    name: string,
    [rows = 0]: readonly number[],
    values: ReturnType<ReadTensor>,
    tuning: Tuning,
  ): void {
    const module = name.replace(/\.weight$/, "");
    if (tuning.type !== "lora" || !tuning.modules[module]?.dora) return;
    const weight = "codes" in values ? unpacked(values) : float32Of(values);
    const norms = rowNorms(module, weight, rows);
    this.#weightNorms.set(loraNames(module).magnitude, norms);
    this.#tensors.set(weightNorm(module), this.backend.upload(norms, [rows]));
  }

  /** Modules of block `layer` whose weight is in few bits, for products of their own. */
  packingOfLayer(layer: number): BlockPacking {
    return this.#packing[layer] ?? {};
  }

  /** True if any weight is in few bits, for products of its own. */
  get isPacked(): boolean {
    return this.#packing.length > 0;
  }

  /** Puts a weight in few bits in its own place where the backend's products take it so, else where the block's inputs have their names. */
  #pack(name: string, matrix: PackedMatrix, config: DecoderConfig, tuning: Tuning): void {
    const found = /^model\.layers\.(\d+)\.(.+)\.weight$/.exec(name), layer = Number(found?.[1]);
    const module = linearModules(config).find((m) => m === found?.[2]);
    if (!module || isTuned(name, tuning)) {
      throw new TypeError(`Cannot take "${name}" in ${matrix.bits} bits: it isn't a frozen module`);
    }
    const { backend } = this, held = backend.uploadPacked?.(matrix);
    if (held) {
      this.#tensors.set(name, held);
      return;
    }
    const { codes, scales, minima } = packedInputs(module, moduleShape(config, module), matrix.bits),
      words = new Int32Array(matrix.codes.buffer, matrix.codes.byteOffset, matrix.codes.length / 4);
    const put = ({ name, shape }: typeof codes, values: HostArray) =>
      this.#tensors.set(ofLayer(layer, name), backend.upload(values, shape));
    put(codes, words);
    put(scales, matrix.scales);
    put(minima, matrix.minima ?? new Float32Array(matrix.scales.length));
    this.#packing[layer] = { ...this.#packing[layer], [module]: matrix.bits };
  }

  /** Trained tensors by name. */
  get trained(): ReadonlyMap<string, Trained> {
    return this.tuned.all;
  }

  /**
   * A tensor, trained or not.
   * @param adapter false: that of the model without what is trained beside adapters, or as it was where that is kept
   * @throws {RangeError} If there is no tensor of that name.
   */
  get(name: string, adapter = true): Tensor {
    const tensor = this.#find(name, adapter);
    if (!tensor) throw new RangeError(`Cannot use tensor "${name}": the model has none of that name`);
    return tensor;
  }

  /** Those of a block's inputs that are tensors of the model, by the block's names; `adapter` as in {@linkcode Parameters.get}. */
  blockTensors(inputs: readonly string[], layer: number, adapter = true): Record<string, Tensor> {
    const layers = this.#fullNames.get(inputs) ?? [];
    const full = layers[layer] ??= inputs.map((name) => ofLayer(layer, name));
    this.#fullNames.set(inputs, layers);
    const found: Record<string, Tensor> = {};
    inputs.forEach((name, i) => {
      const tensor = this.#find(item(full, i), adapter);
      if (tensor) found[name] = tensor;
    });
    return found;
  }

  #find(name: string, adapter: boolean): Tensor | undefined {
    const trained = this.trained.get(name)?.tensor, frozen = this.#tensors.get(name);
    return adapter ? trained ?? frozen : frozen ?? trained;
  }

  /** True if a tensor is trained. */
  isTrained(name: string): boolean {
    return this.trained.has(name);
  }

  /** Sums of gradients on the host, in the order of {@linkcode Parameters.trained}. Read them before the next backward pass. */
  async gradients(): Promise<Float32Array[]> {
    // All at once: a device is asked for finished work only every 10 ms, so one by one each would wait for that.
    const all = [...this.trained.keys()].map((name) => this.backend.download(this.tuned.gradient(name)));
    return await Promise.all(all) as Float32Array[];
  }

  /** Copies of everything trained, by name. */
  async values(): Promise<Record<string, Float32Array<ArrayBuffer>>> {
    const all = [...this.trained.values()].map(async ({ name, tensor, values }) =>
      [name, values?.slice() ?? (await this.backend.download(tensor)).slice()] as const
    );
    return Object.fromEntries(await Promise.all(all)) as Record<string, Float32Array<ArrayBuffer>>;
  }

  /**
   * Puts values back that {@linkcode values} gave.
   * @throws {TypeError} If a tensor is missing or of another size; nothing was changed then.
   */
  restore(saved: Readonly<Record<string, Float32Array>>): void {
    for (const { name, shape } of this.trained.values()) {
      const size = elements(shape), found = saved[name];
      if (found?.length !== size) {
        throw new TypeError(
          `Cannot restore tensor "${name}" of ${size} elements: current value is ${
            found ? `${found.length} elements` : "missing"
          }`,
        );
      }
    }
    for (const { name, tensor, values } of this.trained.values()) {
      const found = entryOf(saved, name);
      values?.set(found);
      this.backend.write(tensor, values ?? Float32Array.from(found));
    }
    this.tuned.zeroGradients();
  }

  /** After the optimizer changed values on the host. */
  publish(): void {
    for (const { tensor, values } of this.trained.values()) if (values) this.backend.write(tensor, values);
  }

  #freeze(values: Float32Array<ArrayBuffer> | FloatPieces, shape: readonly number[]): Tensor {
    const { backend } = this, tensor = "pieces" in values ? backend.uploadPieces?.(values, shape) : null;
    return tensor ?? backend.upload(float32Of(values), shape, { frozen: true });
  }
}
