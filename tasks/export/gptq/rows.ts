/**
 * Texts of the calibration on their way through the layers: rows of each text between two cuts of a block (block_stages.ts), on the backend.
 * @module
 */
import { entryOf, f32, f64, item } from "../../../formats/elements.ts";
import type { Backend, HostArray, Program, Tensor } from "../../../kernels/backend.ts";
import { type BlockStages, blockStages } from "../../../kernels/engine/layerwise/block_stages.ts";
import type { DecoderConfig, LayerAttention } from "../../../kernels/engine/decoder/decoder_config.ts";
import { RotaryTables } from "../../../kernels/engine/decoder/rope.ts";

/** Programs of a block by their stage. */
export type StagePrograms = Readonly<Record<keyof BlockStages, Program>>;

/** Compiles a block's parts. */
export async function compileStages(
  backend: Backend,
  config: DecoderConfig,
  attention: LayerAttention,
): Promise<StagePrograms> {
  const made = Object.entries(blockStages(config, attention)).map(async ([name, graph]) =>
    [name, await backend.compile(graph, `${name} of a quantised block`)] as const
  );
  return Object.fromEntries(await Promise.all(made)) as unknown as StagePrograms;
}

/** One text. */
interface Sequence {
  readonly length: number;
  /** True if its inputs count. */
  readonly counted: boolean;
  /** By the programs' names: `x`, then `o` beside it, then `middle`. */
  readonly rows: Map<string, Tensor>;
}

/** All texts. */
export class CalibrationRows {
  readonly #sequences: Sequence[];
  /** Angles and masks by length. */
  readonly #common = new Map<number, Record<string, Tensor>>();

  /**
   * Starts behind the embedding.
   * @param start Rows of the embedding, times its factor, token ids of the texts, whose inputs count, and of a prompt that only goes along
   * @param onText Called for each text at each stage; it may throw to end the work
   */
  constructor(
    readonly backend: Backend,
    readonly config: DecoderConfig,
    start: {
      embedding: Float32Array;
      texts: readonly (readonly number[])[];
      prompt: readonly number[];
    },
    readonly onText: () => void,
  ) {
    const { embedding, texts, prompt } = start;
    const width = config.hiddenSize;
    this.#sequences = [...texts, prompt].map((ids, i) => {
      const x = new Float32Array(ids.length * width);
      ids.forEach((id, row) => x.set(embedding.subarray(id * width, (id + 1) * width), row * width));
      const rows = new Map([["x", backend.upload(x, [ids.length, width])]]);
      return { length: ids.length, counted: i < texts.length, rows };
    });
  }

  /** Number of rows that count. */
  get count(): number {
    return this.#sequences.reduce((sum, { counted, length }) => sum + (counted ? length : 0), 0);
  }

  /**
   * Runs one stage over all texts.
   * @param made Names of rows that it gives, which are kept
   * @param spent Names of rows that nothing needs behind it
   * @param size Number of inputs of its modules; 0: no second moments are wanted
   * @returns 2/n Σ x xᵀ of the inputs of its modules, `[size, size]`
   */
  async run(
    program: Program,
    weights: Readonly<Record<string, Tensor>>,
    { made, spent, size }: { made: readonly string[]; spent: readonly string[]; size: number },
  ): Promise<Float64Array<ArrayBuffer>> {
    const sums = new Float64Array(size * size);
    for (const sequence of this.#sequences) {
      this.onText();
      // the last text goes along only: its moments are computed and left out
      const outputs = await program.run({
        ...this.#commonOf(sequence.length),
        ...Object.fromEntries(sequence.rows),
        ...weights,
      });
      const { moments } = outputs;
      if (moments !== undefined) {
        if (sequence.counted) addTo(sums, await this.backend.download(moments));
        moments.dispose();
      }
      for (const name of spent) {
        sequence.rows.get(name)?.dispose();
        sequence.rows.delete(name);
      }
      for (const name of made) sequence.rows.set(name === "y" ? "x" : name, entryOf(outputs, name));
    }
    const factor = 2 / this.count;
    for (let i = 0; i < sums.length; i++) sums[i] = f64(sums, i) * factor;
    return sums;
  }

  /** The prompt's rows `x`. */
  get promptRows(): Tensor {
    const { rows } = item(this.#sequences, this.#sequences.length - 1);
    return entryOf(Object.fromEntries(rows), "x");
  }

  /** Gives all memory back. */
  dispose(): void {
    for (const { rows } of this.#sequences) for (const tensor of rows.values()) tensor.dispose();
    for (const common of this.#common.values()) {
      for (const tensor of Object.values(common)) tensor.dispose();
    }
  }

  #commonOf(length: number): Record<string, Tensor> {
    const known = this.#common.get(length);
    if (known) return known;
    const upload = (values: HostArray, shape: readonly number[]) => this.backend.upload(values, shape);
    const positions = Int32Array.from({ length }, (_, i) => i);
    const common = {
      ...new RotaryTables(this.config).upload(this.backend, positions),
      until: upload(new Int32Array(length).fill(length), [length]),
      positions: upload(positions, [length]),
    };
    this.#common.set(length, common);
    return common;
  }
}

function addTo(sums: Float64Array, values: HostArray): void {
  if (!(values instanceof Float32Array)) throw new TypeError("Cannot add integers to second moments");
  for (let i = 0; i < sums.length; i++) sums[i] = f64(sums, i) + f32(values, i);
}
