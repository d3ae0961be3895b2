/**
 * A decoder's program on ONNX Runtime's C interface: inputs, outputs and the cache are bound once, so that a step costs its
 * products and little else.
 * @module
 */
import { entryOf, item } from "../../../../formats/elements.ts";
import {
  anonymousMemory,
  OrtBinding,
  type OrtLibrary,
  OrtSession,
  OrtTensor,
  useHugePages,
} from "../../../backends/onnx/c_api/mod.ts";
import type { OrtType } from "../../../backends/onnx/c_api/mod.ts";
import type { DecoderConfig } from "../../decoder/decoder_config.ts";
import { RotaryTables } from "../../decoder/rope.ts";
import type { ProgramAdapters } from "./adapters.ts";
import type { SlotMemory } from "./cache.ts";
import { BEST, decoderModel, givenConstants, rotatesInside } from "./graph.ts";
import { angleLength, cacheNames } from "./graph_attention.ts";
import type { Prepared } from "./prepare.ts";

/** A run's findings about the tokens behind its rows. */
export interface ProgramOutput {
  /** Rows that were wanted. */
  readonly count: number;
  /** `[count, K]`: the best tokens, best first, and their logits. Valid until the next run. */
  readonly ids: BigInt64Array;
  readonly best: Float32Array;
  /** `[count, V]`; null: not asked for. Valid until the next run. */
  readonly logits: Float32Array | null;
}

/** Inputs of one run of the program. */
export interface ProgramRun {
  /** First slot, and how many sequences. */
  readonly slot: number;
  readonly sequences: number;
  /** `[sequences · tokens, D]`, embedded. */
  readonly x: Float32Array<ArrayBuffer>;
  /** Tokens of each sequence. */
  readonly tokens: number;
  /** Tokens of each sequence with those of this run. */
  readonly lengths: readonly number[];
  /** Rows of `x` that go on behind the last layer's attention, ≥ 1. */
  readonly rows: readonly number[];
  /** Number of the first of them that have a following token that is wanted, ≥ 1: the library's products can't have no rows. */
  readonly wanted: number;
  readonly logits: boolean;
  /** Adapter of each sequence. */
  readonly adapters: readonly (string | null)[];
}

type Bound = Int32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

/** Inputs and outputs bound for a range of slots, with logits or without: an output that is bound can't be left out. */
interface Binding {
  readonly binding: OrtBinding;
  readonly tensors: Map<string, { tensor: OrtTensor; data: Bound }>;
  readonly cache: OrtTensor[];
  angles: Readonly<Record<string, OrtTensor>> | null;
}

/** A program that is ready to run on a cache. */
export class ProgramSession {
  /** Sizes of the model. */
  readonly config: DecoderConfig;
  readonly #session: OrtSession;
  readonly #given: OrtTensor[];
  readonly #bindings = new Map<string, Binding>();
  readonly #rotary: RotaryTables;
  #angles: { tensors: Readonly<Record<string, OrtTensor>>; places: number } | null = null;
  readonly #bestCount: number;
  /** Settles when weights have got the huge pages that they can have, in bytes; runs needn't wait. */
  readonly hugePages: Promise<number>;

  /** @param folder Has the file of the constants. */
  constructor(
    readonly library: OrtLibrary,
    readonly memory: SlotMemory,
    { config, prepared, folder, native, threads }: {
      config: DecoderConfig;
      prepared: Prepared;
      folder: string;
      native: string | null;
      threads: number;
    },
    readonly adapters: ProgramAdapters | null,
  ) {
    this.config = config;
    this.#rotary = new RotaryTables(config, angleLength(config));
    this.#bestCount = Math.min(BEST, config.vocabSize);
    const model = decoderModel(config, prepared, adapters);
    const initializers = Object.fromEntries(
      [...givenConstants(config, prepared), ...adapters?.constants ?? []].map((
        [name, { shape, data }],
      ) => [name, OrtTensor.over(library, data, shape, "f32")]),
    );
    this.#given = Object.values(initializers);
    const before = anonymousMemory();
    this.#session = new OrtSession(library, model, {
      threads,
      initializers,
      operators: native,
      config: {
        "session.set_denormal_as_zero": "1",
        "session.model_external_initializers_file_folder_path": folder,
      },
    });
    this.hugePages = useHugePages(before);
  }

  /** Runs. The cache's rows of this run's tokens are written. */
  run(run: ProgramRun): ProgramOutput {
    const { sequences, tokens, lengths, rows, wanted: count } = run, { config } = this;
    const bound = this.#bindingOf(run);
    const longest = lengths.reduce((a, b) => Math.max(a, b), 0);
    this.#bindAngles(bound, longest);
    const put = (name: string, shape: readonly number[], type: OrtType, make: () => Bound) =>
      this.#bound(bound, name, { shape, type, make, kind: "input" });
    (put(
      "x",
      [sequences, tokens, config.hiddenSize],
      "f32",
      () => new Float32Array(run.x.length),
    ) as Float32Array)
      .set(run.x);
    const int32 = put("lengths", [sequences], "i32", () => new Int32Array(sequences)) as Int32Array;
    lengths.forEach((length, i) => int32[i] = length - 1);
    put("total", [], "i32", () => new Int32Array(1))[0] = longest;
    const indices = (name: string, values: readonly number[]) => {
      const size = values.length, own = put(name, [size], "i64", () => new BigInt64Array(size));
      values.forEach((value, i) => (own as BigInt64Array)[i] = BigInt(value));
    };
    indices("rows", rows);
    indices("heads", Array.from({ length: count }, (_, i) => i));
    if (!rotatesInside(config)) {
      const own = put("places", [sequences, tokens], "i64", () => new BigInt64Array(sequences * tokens));
      lengths.forEach((length, i) => {
        for (let t = 0; t < tokens; t++) (own as BigInt64Array)[i * tokens + t] = BigInt(length - tokens + t);
      });
    }
    if (this.adapters) {
      const { ranks } = this.adapters,
        choices = run.adapters.map((name) => this.adapters?.choice(name) ?? []);
      const choose = (name: string, shape: readonly [number, number], sequence: readonly number[]) => {
        const size = sequence.length * ranks,
          own = put(name, [...shape, ranks], "f32", () => new Float32Array(size));
        sequence.forEach((of, i) => (own as Float32Array).set(item(choices, of), i * ranks));
      };
      choose("choice", [sequences, 1], choices.map((_, i) => i));
      choose("row_choice", [1, rows.length], rows.map((row) => Math.floor(row / tokens)));
    }
    const take = (name: string, width: number, type: OrtType, make: (length: number) => Bound) =>
      this.#bound(bound, name, {
        shape: [count, width],
        type,
        make: () => make(count * width),
        kind: "output",
      });
    const best = take("best", this.#bestCount, "f32", (n) => new Float32Array(n)) as Float32Array;
    const ids = take("ids", this.#bestCount, "i64", (n) => new BigInt64Array(n)) as BigInt64Array;
    const logits = run.logits
      ? take("logits", config.vocabSize, "f32", (n) => new Float32Array(n)) as Float32Array
      : null;
    bound.binding.run();
    return { count, best, ids, logits };
  }

  /** Frees the program and what is bound; the cache's memory stays. */
  dispose(): void {
    this.unbind();
    this.#session.dispose();
    for (const tensor of this.#given) tensor.dispose();
    for (const tensor of Object.values(this.#angles?.tensors ?? {})) tensor.dispose();
  }

  /** Forgets what is bound: the cache's memory moved. */
  unbind(): void {
    for (const bound of this.#bindings.values()) release(bound);
    this.#bindings.clear();
  }

  #bound(
    { binding, tensors }: Binding,
    name: string,
    { shape, type, make, kind }: {
      shape: readonly number[];
      type: OrtType;
      make: () => Bound;
      kind: "input" | "output";
    },
  ): Bound {
    const known = tensors.get(name);
    if (known && known.tensor.shape.every((size, i) => size === shape[i])) return known.data;
    const data = make(), tensor = OrtTensor.over(this.library, data, shape, type);
    if (kind === "input") binding.bindInput(name, tensor);
    else binding.bindOutput(name, tensor);
    known?.tensor.dispose();
    tensors.set(name, { tensor, data });
    return data;
  }

  #bindingOf({ slot, sequences, logits }: ProgramRun): Binding {
    const key = `${slot} ${sequences} ${logits}`;
    let bound = this.#bindings.get(key);
    if (bound) return bound;
    const { memory, config, library } = this,
      binding = new OrtBinding(this.#session),
      cache: OrtTensor[] = [];
    const shape = [sequences, config.numKeyValueHeads, memory.room, config.headDim];
    for (let layer = 0; layer < config.numLayers; layer++) {
      const arrays = item(memory.layers, layer);
      for (const [kind, { past, present }] of Object.entries(cacheNames(layer))) {
        const rows = entryOf<Float32Array<ArrayBuffer>>({ ...arrays }, kind).subarray(slot * memory.slotSize);
        const tensor = OrtTensor.over(library, rows, shape, "f32");
        binding.bindInput(past, tensor).bindOutput(present, tensor);
        cache.push(tensor);
      }
    }
    bound = { binding, tensors: new Map(), cache, angles: null };
    this.#bindings.set(key, bound);
    return bound;
  }

  /** Angles of as many places as the cache has rows. */
  #bindAngles(bound: Binding, longest: number): void {
    const half = this.config.inverseFrequencies.length, places = Math.max(longest, this.memory.room);
    if (!this.#angles || this.#angles.places < places) {
      for (const tensor of Object.values(this.#angles?.tensors ?? {})) tensor.dispose();
      const rows = this.#rotary.rows(Int32Array.from({ length: places }, (_, i) => i));
      const tensors = Object.entries(rows).map(([name, data]) =>
        [name, OrtTensor.over(this.library, data, [places, half], "f32")] as const
      );
      this.#angles = { tensors: Object.fromEntries(tensors), places };
    }
    const { tensors } = this.#angles;
    if (bound.angles === tensors) return;
    for (const [name, tensor] of Object.entries(tensors)) bound.binding.bindInput(name, tensor);
    bound.angles = tensors;
  }
}

function release({ binding, tensors, cache }: Binding): void {
  binding.dispose();
  for (const { tensor } of tensors.values()) tensor.dispose();
  for (const tensor of cache) tensor.dispose();
}
