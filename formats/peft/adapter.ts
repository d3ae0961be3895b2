/**
 * An adapter in memory: LoRA's matrices by module, and the tensors that it has as a whole.
 * @module
 */
import type { LoraConfig } from "./config.ts";
import { patternValue } from "./target_modules.ts";

/** The tensors of one module; the module computes `W x + scale · B A x`, each row of `W + scale · B A` of its length with DoRA. */
export interface LoraTensors {
  /** Rank of A and B, ≥ 1. */
  readonly r: number;
  /** α. */
  readonly alpha: number;
  /** α/r, or α/√r with rsLoRA. */
  readonly scale: number;
  /** `[r, in]`, row-major. */
  readonly a: Float32Array<ArrayBuffer>;
  /** `[out, r]`, row-major. */
  readonly b: Float32Array<ArrayBuffer>;
  /** DoRA's lengths of the merged weight's rows, `[out]`; absent without it. */
  readonly magnitude?: Float32Array<ArrayBuffer>;
}

/** An adapter in memory. */
export interface Adapter {
  /** The contents of adapter_config.json. */
  readonly config: LoraConfig;
  /** By module name in transformers, such as `model.layers.0.self_attn.q_proj`. */
  readonly modules: ReadonlyMap<string, LoraTensors>;
  /** Values that take the place of the model's tensors, by their names in transformers (`modules_to_save`); absent: none. */
  readonly whole?: ReadonlyMap<string, WholeTensor>;
}

/** A tensor that an adapter has as a whole. */
export interface WholeTensor {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Float32Array<ArrayBuffer>;
}

/** `[out, in]` of every linear module of a model but its output head, by name. */
export type ModuleShapes = ReadonlyMap<string, readonly [number, number]>;

/** Shapes of a model's tensors by their names in transformers. */
export type TensorShapes = ReadonlyMap<string, readonly number[]>;

/** Where the decoder's modules are in transformers' class of a text model. */
export const TEXT_ROOT = "model.";

/** Rank, α and scale of one module, patterns applied. */
export function loraOf(config: LoraConfig, module: string): Pick<LoraTensors, "r" | "alpha" | "scale"> {
  const r = patternValue(config.rankPattern, module, config.r);
  const alpha = patternValue(config.alphaPattern, module, config.alpha);
  return { r, alpha, scale: config.useRslora ? alpha / Math.sqrt(r) : alpha / r };
}
