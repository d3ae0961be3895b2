/**
 * Embedding and output head that an adapter has as a whole: they may be of a larger vocabulary than the model, or apart where that has one.
 * @module
 */
import { SafetensorsFile } from "../safetensors/mod.ts";
import { adapterWeightsPath, readAdapterFields } from "./adapter_files.ts";
import { decoderTensors, PEFT_PREFIX } from "./module_names.ts";
import { EMBEDDING_MODULE, HEAD_MODULE } from "./whole_fields.ts";

/** Rows of what an adapter has in place of the model's; null: the model's own. */
export interface SavedEmbeddings {
  /** Of `model.embed_tokens`. */
  readonly embedding: number | null;
  /** Of `lm_head`. */
  readonly head: number | null;
  /** `ensure_weight_tying`: they stay one where the model has one. */
  readonly staysTied: boolean;
}

/**
 * Looks for them in an adapter's file.
 * @throws {RangeError} If there is no adapter in the folder
 * @throws {SyntaxError} If a file of it is damaged
 */
export function savedEmbeddings(directory: string): SavedEmbeddings {
  const { fields } = readAdapterFields(directory);
  using stored = new SafetensorsFile(adapterWeightsPath(directory));
  const { tensors } = decoderTensors(stored);
  const rows = (module: string) => tensors.get(`${PEFT_PREFIX}${module}.weight`)?.shape[0] ?? null;
  return {
    embedding: rows(EMBEDDING_MODULE),
    head: rows(HEAD_MODULE),
    staysTied: fields.ensure_weight_tying === true,
  };
}
