/**
 * A model as transformers reads it: its own folder, or one written from a GGUF file, or with adapters merged in or positions scaled.
 * @module
 */
import { join } from "@std/path";

import { type LoadedModel, saveModel, type SaveModelOptions } from "../../../formats/hf_model/mod.ts";
import { tensorShapes } from "../../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";

/** Options of {@linkcode modelFolder}. */
export interface FolderOptions {
  /** Of the weights, if a folder has to be written. Default float32. */
  dtype?: NonNullable<SaveModelOptions["dtype"]>;
  /** True if the weights or the configuration are no longer those of the folder. Default false. */
  isChanged?: boolean;
}

/**
 * The model's own folder, or one written into `temporary`.
 */
export function modelFolder(
  model: Pick<LoadedModel, "format" | "path" | "weights" | "config">,
  decoder: DecoderConfig,
  temporary: string,
  { dtype = "float32", isChanged = false }: FolderOptions = {},
): string {
  if (model.format === "safetensors" && !isChanged) return model.path;
  const tensors = [...tensorShapes(decoder)].map(([name, shape]) => ({
    name,
    shape,
    data: () => model.weights.read(name),
  }));
  const folder = join(temporary, "model");
  saveModel(folder, tensors, { config: model.config, dtype });
  return folder;
}
