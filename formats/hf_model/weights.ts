/**
 * Named tensors of a model, whatever file they are in; names and layouts are those of transformers.
 * @module
 */

/** Where a model's tensors come from. */
export interface WeightSource {
  /** Names as in transformers' state dict, such as `model.layers.0.self_attn.q_proj.weight`. */
  names(): string[];
  /** Shape of a tensor, row-major; null when there is none of that name. */
  shape(name: string): number[] | null;
  /** The tensor as float32, dequantised, in row-major order. A fresh array each call. */
  read(name: string): Float32Array<ArrayBuffer>;
  /** SHA-256 over the files' bytes (large files: header and size plus sampled blocks), for cache keys. */
  hash(): string;
  close(): void;
}
