/**
 * Model families: what a config.json (or GGUF metadata) of one `model_type` means for the one decoder that all share.
 * @module
 */
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";

/** The product of a model plugin. */
export interface ModelFamily {
  /** `model_type` of config.json: the name of the plugin, by which it is found. */
  modelType: string;
  /**
   * Reads config.json of transformers 4 or 5 spelling.
   * @param file Its path, for messages (default `config.json`).
   * @throws {RangeError} If a field is missing, or asks for something that isn't supported (named with the file).
   */
  parse(config: Record<string, unknown>, file?: string): DecoderConfig;
}
