/**
 * Named tensors of a model, from any kind of file; names and layouts are those of transformers.
 * @module
 */
import { item } from "../elements.ts";
import { shown } from "../message.ts";
import type { FloatPieces } from "../float_pieces.ts";
import type { PackedForm, PackedMatrix } from "../packed/mod.ts";
import { distance } from "fastest-levenshtein";

/** Where a model's tensors come from. */
export interface WeightSource {
  /**
   * Names as in transformers' state dict, such as `model.layers.0.self_attn.q_proj.weight`; a tied `lm_head.weight`
   * isn't among them, but {@linkcode WeightSource.shape} and {@linkcode WeightSource.read} know it.
   */
  names(): string[];
  /** Shape of a tensor, row-major; null when there is none of that name. */
  shape(name: string): number[] | null;
  /**
   * The tensor as float32, dequantised, in row-major order. A fresh array each call.
   * @throws {RangeError} If there is none of that name.
   */
  read(name: string): Float32Array<ArrayBuffer>;
  /**
   * The tensor as {@linkcode WeightSource.read} gives it, piece by piece.
   * @throws {RangeError} If there is none of that name.
   */
  pieces(name: string): FloatPieces;
  /**
   * Rows of a matrix as float32, `[rows.length, columns]`, without reading the others.
   * @param rows Whole numbers below the number of rows.
   * @throws {RangeError} If there is none of that name.
   */
  rows(name: string, rows: ArrayLike<number>): Float32Array<ArrayBuffer>;
  /** Form of the matrix that {@linkcode WeightSource.packed} gives, of which nothing is read; null: none. */
  packedForm(name: string): PackedForm | null;
  /** The matrix in 4 or 8 bits where it is stored so; else null. A fresh one each call. */
  packed(name: string): PackedMatrix | null;
  /** SHA-256 over the files' bytes (large files: header and size plus sampled blocks), for cache keys. */
  hash(): string;
  /** Closes the files. */
  close(): void;
}

/** Whether a matrix is stored in few bits. */
export function hasPacked(weights: Pick<WeightSource, "names" | "packedForm">): boolean {
  return weights.names().some((name) => weights.packedForm(name) !== null);
}

/** The name under which a tensor lies: a tied output is the embedding, also where the file has another tensor of that name. */
export function aliasTied(name: string, tied: boolean): string {
  return tied && name === "lm_head.weight" ? "model.embed_tokens.weight" : name;
}

/** Tensors of old checkpoints that hold nothing that was learnt. */
const DERIVED = /\.rotary_emb\.inv_freq$/;

/**
 * Checks that the weights are those of the model, before any work.
 * @param expected Shapes by name, of all tensors that the model has.
 * @throws {RangeError} If tensors are missing, or there are some that the model has no place for (they would be
 * ignored without a word).
 * @throws {TypeError} If one has another shape.
 */
export function checkTensors(
  weights: WeightSource,
  expected: ReadonlyMap<string, readonly number[]>,
  path: string,
): void {
  const names = weights.names();
  const missing = [...expected.keys()].filter((name) => weights.shape(name) === null);
  if (missing.length) {
    const first = item(missing, 0);
    const near = names.filter((name) => !expected.has(name))
      .sort((a, b) => distance(a, first) - distance(b, first))[0];
    throw new RangeError(
      `Cannot use the weights of ${path}: ${missing.length} of ${expected.size} tensors are missing, the first is ` +
        `${shown(first)}.` +
        (near ? ` There is ${shown(near)}, which the model doesn't have` : ` Is the file complete?`),
    );
  }
  for (const [name, shape] of expected) {
    const found = weights.shape(name)!;
    if (found.length !== shape.length || found.some((size, i) => size !== shape[i])) {
      throw new TypeError(
        `Cannot use the weights of ${path}: tensor ${shown(name)} has the shape [${
          found.join(", ")
        }], config.json asks for ` +
          `[${shape.join(", ")}]. Config and weights aren't of one model`,
      );
    }
  }
  const foreign = names.filter((name) => !expected.has(name) && !DERIVED.test(name));
  if (foreign.length) {
    throw new RangeError(
      `Cannot use the weights of ${path}: ${foreign.length} tensors have no place in the model that config.json ` +
        `describes, the first is ${shown(foreign[0])}`,
    );
  }
}
