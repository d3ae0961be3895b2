/**
 * A model as found on disk: configuration, weights, tokenizer.
 * @module
 */
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { WeightSource } from "./weights.ts";

/** Tensors of a model that lie beside its decoder, such as a vision tower's. */
export interface BesideDecoder {
  /** Their names, by which `weights` gives shapes and values. */
  readonly names: readonly string[];
  /** The name in the files of a tensor, the decoder's own too. */
  stored(name: string): string;
}

/** A model directory or GGUF file, opened. */
export interface LoadedModel {
  /** As the user wrote it (path or hub id). */
  nameOrPath: string;
  /** Its id on the hub (`owner/name`), where name, folder or file tell; else null. */
  hubId: string | null;
  /** Where it lies on disk. */
  path: string;
  /** Format of the weights' file. */
  format: "safetensors" | "gguf";
  /** Key-value pairs of a GGUF file; null of a directory. */
  metadata: ReadonlyMap<string, unknown> | null;
  /** config.json; for GGUF made from its metadata, in transformers' spelling. */
  config: Record<string, unknown>;
  /** Path of the file that `config` is from, for messages. */
  configFile: string;
  /** generation_config.json, {} when there is none. */
  generationConfig: Record<string, unknown>;
  /** The decoder's tensors under a text model's names, read when asked for. */
  weights: WeightSource;
  /** Tensors beside the decoder, such as a vision tower's; null of a text model. */
  beside: BesideDecoder | null;
  /**
   * Loaded at first use, so that a directory without tokenizer files can be opened.
   * @throws {Error} If there is none, or it is damaged.
   */
  readonly tokenizer: Tokenizer;
}
