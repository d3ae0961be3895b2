/**
 * Frozen weights of modules in 4 or 8 bits: a file's own blocks where they are, else rounded when they are read.
 * @module
 */
import { PACKED_GROUP, type PackedForm, quantized } from "../../../formats/packed/mod.ts";
import type { WeightSource } from "../../../formats/hf_model/mod.ts";
import type { Backend } from "../../backend.ts";
import { moduleShapes } from "../decoder/decoder.ts";
import type { DecoderConfig } from "../decoder/decoder_config.ts";
import type { ReadTensor } from "./parameters.ts";
import { isTuned, type Tuning } from "./tuning.ts";

/** What comes of a module's weight: blocks in pieces, its file's packed form, or groups that it is rounded to; null: it isn't packed. */
export type PackedChoice = "pieces" | { readonly form: PackedForm; readonly rounded: boolean } | null;

/**
 * Chooses what comes of a weight. A matrix whose rows aren't whole groups isn't packed.
 * @param bits Of a code, at most
 * @param backend Where it will be put
 */
export function packedChoice(
  weights: Pick<WeightSource, "pieces" | "packedForm">,
  { name, shape }: { name: string; shape: readonly number[] },
  bits: 4 | 8,
  backend: Pick<Backend, "holdsBlocks">,
): PackedChoice {
  const [, columns = 0] = shape;
  if (columns % PACKED_GROUP) return null;
  if (backend.holdsBlocks?.(weights.pieces(name), shape, bits)) return "pieces";
  const form = weights.packedForm(name), isNarrow = form !== null && form.bits <= bits;
  return isNarrow ? { form, rounded: false } : { form: { bits, minima: false }, rounded: true };
}

/**
 * Reads a model's tensors. With `bits` the weights of blocks' modules come in few bits: the file's blocks if they have at most as
 * many, else the values rounded; blocks that the backend holds as they are come in pieces. Embedding and head aren't packed, nor is what
 * `tuning` trains.
 */
export function packedReader(
  weights: Pick<WeightSource, "read" | "packed" | "packedForm" | "pieces">,
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
    if (!shape || isTuned(name, tuning)) return weights.pieces(name);
    const choice = packedChoice(weights, { name, shape }, bits, backend);
    if (choice === null || choice === "pieces") return weights.pieces(name);
    const stored = choice.rounded ? null : weights.packed(name);
    return stored ?? quantized(weights.read(name), ...shape, bits);
  };
}
