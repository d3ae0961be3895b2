/**
 * Parts of a model that sees beside its decoder, which are written with it: its other tensors, and the files of its image processor.
 * @module
 */
import { join } from "@std/path";

import { valueOf } from "../elements.ts";
import { exists } from "../exists.ts";
import type { LoadedModel } from "./loaded_model.ts";
import type { ModelTensor } from "./save_model.ts";

/** Files that transformers' processors of 4 and 5 write beside a tokenizer's. */
const PROCESSOR_FILES = [
  "preprocessor_config.json",
  "processor_config.json",
  "video_preprocessor_config.json",
];

/**
 * Shapes of the tensors beside the decoder, by the names that `weights` has for them; null of a text model.
 */
export function besideShapes(
  { weights, beside }: Pick<LoadedModel, "weights" | "beside">,
): ReadonlyMap<string, readonly number[]> | null {
  return beside && new Map(beside.names.map((name) => [name, weights.shape(name) ?? []]));
}

/**
 * Tensors under the names that the model's own files have, those beside the decoder behind them.
 * @param tensors Of the decoder
 * @param read Values of those beside it (default: the model's own)
 */
export function asStored(
  model: Pick<LoadedModel, "weights" | "beside">,
  tensors: Iterable<ModelTensor>,
  read: (name: string) => Float32Array<ArrayBuffer> = (name) => model.weights.read(name),
): ModelTensor[] {
  const { beside } = model, shapes = besideShapes(model);
  if (beside === null || shapes === null) return [...tensors];
  const others = beside.names.map((name) => ({ name, shape: valueOf(shapes, name), data: () => read(name) }));
  return [...tensors, ...others].map((tensor) => ({
    name: beside.stored(tensor.name),
    shape: tensor.shape,
    data: () => tensor.data(),
  }));
}

/** Files of a model's image and video processor, as they are; {} of a text model. */
export function processorFiles(
  { beside, path }: Pick<LoadedModel, "beside" | "path">,
): Record<string, Uint8Array> {
  if (beside === null) return {};
  const there = PROCESSOR_FILES.filter((name) => exists(join(path, name)));
  return Object.fromEntries(there.map((name) => [name, Deno.readFileSync(join(path, name))]));
}

/**
 * Makes sure that a model can be written as a folder for transformers: a GGUF file has the language part alone of one that sees.
 * @param root Of its decoder's modules, as `DecoderConfig` has it
 * @throws {RangeError} If parts of it are missing
 */
export function checkWhole({ beside, path, config }: LoadedModel, root: string | undefined): void {
  if (root === undefined || beside !== null) return;
  throw new RangeError(
    `Cannot write ${path} as a folder of a ${config.model_type} model as the part that sees is to be in it: current value is its ` +
      "language part alone; take the model's own folder, tune an adapter, or write a GGUF file",
  );
}
