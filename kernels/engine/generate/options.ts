/**
 * Options of a generator, and its description from a model's files.
 * @module
 */
import type { LoadedModel } from "../../../formats/hf_model/mod.ts";
import { loadTokenizerSync, type Tokenizer } from "../../../formats/tokenizer/mod.ts";
import type { DecoderConfig } from "../decoder/decoder_config.ts";
import type { BackendChoice } from "../host.ts";

export { MAX_BATCH } from "./max_batch.ts";

/** Backend of the kernels; `auto` lets `chooseBackend` find one. */
export type DeviceChoice = Omit<BackendChoice, "backend"> & { backend: BackendChoice["backend"] | "auto" };

/** Bits of weights, see `GeneratorOptions.quantization`. */
export type Quantization = "stored" | "float32" | 4 | 8;

/** Model and options of a generator; can be sent to a Worker. */
export interface GeneratorOptions {
  /** Directory, GGUF file or hub id. */
  model: string;
  /** The model family's reading of its config.json. */
  decoder: DecoderConfig;
  /** PEFT adapter directory; its tokenizer, if it has one, takes the place of the model's. */
  adapter?: string | null;
  /** Adapter merged into float32 weights (default; faster) or applied beside them; beside weights that stay packed always. */
  merge?: boolean;
  /**
   * Form in which weights are held. `stored` (default): blocks of a GGUF file in the bits that they have, other tensors as float32;
   * 4 or 8: also those in so many bits; `float32`: everything as float32, the reference. On ONNX Runtime's CPU.
   */
  quantization?: Quantization;
  /** Draft tokens that are looked up in prompt and answer where one greedy answer runs alone, ≥ 0. Default 0: none. */
  speculation?: number;
  /** Default: ONNX Runtime on the CPU, a thread a core; backend `auto`: a GPU where one works. */
  device?: DeviceChoice;
  /** Tokens of prompt and answer together; null (default): as many as the model was made for. */
  maxModelLen?: number | null;
  /** Sequences that run at once, ≥ 1. Default {@linkcode MAX_BATCH}. */
  maxBatch?: number;
  /** Prompt tokens that go through at once, ≥ 1. */
  promptChunk?: number;
  /** false: ids only, no tokenizer is loaded. Default true. */
  text?: boolean;
}

/** Model and backend of a generator. */
export interface GeneratorInfo {
  /** Backend, human-readable. */
  backend: string;
  /** Ids that the model knows. */
  vocabSize: number;
  /** Ids that end an answer. */
  endIds: number[];
  /** Tokens of prompt and answer together, at most. */
  maxModelLen: number;
  /** True if adapters can stand beside the model by name. */
  namedAdapters: boolean;
}

/** The device unless another is asked for: ONNX Runtime's CPU provider, one thread per core. */
export const CPU: BackendChoice = Object.freeze({ backend: "onnx", provider: "cpu", threads: null });

/** The tokenizer to use with a model and an adapter: the adapter's own where it has one. */
export function tokenizerOf(model: LoadedModel, adapter: string | null): Tokenizer {
  if (adapter !== null) {
    const names = [...Deno.readDirSync(adapter)].map((entry) => entry.name);
    if (names.includes("tokenizer.json")) return loadTokenizerSync(adapter);
  }
  return model.tokenizer;
}

/** Ids that end an answer: those of generation_config.json (of a GGUF file: its keys, and texts that llama.cpp knows), config.json and the tokenizer. */
export function endIdsOf(model: LoadedModel, decoder: DecoderConfig, tokenizer: Tokenizer | null): number[] {
  const given = model.generationConfig.eos_token_id;
  const ids = [
    ...(Array.isArray(given) ? given : [given]),
    ...decoder.eosTokenIds,
    tokenizer?.eosId,
  ].filter((id): id is number => Number.isInteger(id) && id >= 0 && id < decoder.vocabSize);
  return [...new Set(ids)].sort((a, b) => a - b);
}
