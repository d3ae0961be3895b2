/**
 * Adapters that can be merged into a model, and not stand beside it.
 * @module
 */
import { SafetensorsFile } from "../safetensors/mod.ts";
import { adapterWeightsPath, readAdapterFields } from "./adapter_files.ts";
import { mergedField } from "./config.ts";

/**
 * Part of an adapter that has no place beside a model's products, for messages, such as `use_dora` or `embed_tokens`; null if all
 * of it has one.
 * @throws {RangeError} If there is no adapter in the folder
 * @throws {SyntaxError} If a file of it is damaged
 */
export function onlyMerged(directory: string): string | null {
  const field = mergedField(readAdapterFields(directory).fields);
  if (field !== null) return field;
  using file = new SafetensorsFile(adapterWeightsPath(directory));
  const outer = [...file.tensors.keys()].map((name) => /\.(lm_head|embed_tokens)\./.exec(name)?.[1]);
  return outer.find((name) => name !== undefined) ?? null;
}
