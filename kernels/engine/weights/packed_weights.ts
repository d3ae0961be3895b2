/**
 * Frozen weights of modules in 4 or 8 bits: a file's own blocks where they are, else rounded when they are read.
 * @module
 */
import { PACKED_GROUP, quantized } from "../../../formats/packed/mod.ts";
import type { WeightSource } from "../../../formats/hf_model/mod.ts";
import type { Backend } from "../../backend.ts";
import { moduleShapes } from "../decoder/decoder.ts";
import type { DecoderConfig } from "../decoder/decoder_config.ts";
import { isTuned, type ReadTensor, type Tuning } from "./parameters.ts";

/**
 * Reads a model's tensors. With `bits` the weights of blocks' modules come in few bits: the file's blocks if they have at most as
 * many, else the values rounded; blocks that the backend holds as they are come in
 * pieces. A matrix whose rows aren't whole groups isn't rounded, nor are embedding and head and what `tuning` trains.
 */
export function packedReader(
  weights: Pick<WeightSource, "read" | "packed" | "pieces">,
  config: DecoderConfig,
  bits: 4 | 8 | null,
  { tuning = { type: "none" }, backend = {} }: {
    tuning?: Tuning;
    /** Where they will be put. */
    backend?: Pick<Backend, "holdsBlocks">;
  } = {},
): ReadTensor {
  if (bits === null) return (name) => weights.pieces(name);
  const modules = moduleShapes(config);
  return (name) => {
    const shape = name.endsWith(".weight") ? modules.get(name.slice(0, -".weight".length)) : undefined;
    if (!shape || shape[1] % PACKED_GROUP || isTuned(name, tuning)) return weights.pieces(name);
    const pieces = weights.pieces(name);
    if (backend.holdsBlocks?.(pieces, shape, bits)) return pieces;
    const stored = weights.packed(name);
    return stored && stored.bits <= bits ? stored : quantized(weights.read(name), ...shape, bits);
  };
}
