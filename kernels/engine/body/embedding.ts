/**
 * Rows of a frozen embedding table, taken on the host: for devices that the table would have to be moved to for every run.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import type { Backend, Tensor } from "../../backend.ts";
import type { DecoderConfig } from "../decoder/decoder_config.ts";

/** A table `[V, D]`, whose rows are multiplied by the model's factor. */
export class HostEmbedding {
  #values: Promise<Float32Array> | null = null;

  constructor(
    readonly backend: Backend,
    readonly table: Tensor,
    readonly config: Pick<DecoderConfig, "embeddingScale" | "noiseBehindScale">,
  ) {}

  /** `[T, D]` of tokens `[T]`; it is the caller's. @param change Gets the rows before they are multiplied, or (`noiseBehindScale`) then */
  async rows(tokens: Int32Array, change?: (x: Float32Array<ArrayBuffer>) => void): Promise<Tensor> {
    const width = item(this.table.shape, 1);
    const x = this.backend.rows?.(this.table, tokens) ?? await this.#taken(tokens, width);
    const { embeddingScale, noiseBehindScale = false } = this.config;
    if (noiseBehindScale) scaleValues(x, embeddingScale);
    change?.(x);
    if (!noiseBehindScale) scaleValues(x, embeddingScale);
    return this.backend.upload(x, [tokens.length, width]);
  }

  /** Rows of a copy of the table. */
  async #taken(tokens: Int32Array, width: number): Promise<Float32Array<ArrayBuffer>> {
    const x = new Float32Array(tokens.length * width);
    this.#values ??= this.backend.download(this.table) as Promise<Float32Array>;
    const table = await this.#values;
    tokens.forEach((id, row) => x.set(table.subarray(id * width, (id + 1) * width), row * width));
    return x;
  }
}

/** The values, multiplied in place. */
export function scaleValues(values: Float32Array<ArrayBuffer>, factor = 1): Float32Array<ArrayBuffer> {
  if (factor !== 1) values.forEach((value, i) => values[i] = factor * value);
  return values;
}
