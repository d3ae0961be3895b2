/**
 * Runs the embedding and all blocks, between a pack's tokens and the rows that the head looks at.
 * @module
 */
import type { Backend, Tensor } from "../backend.ts";
import { moduleShape, ofLayer } from "./decoder.ts";
import type { LinearModule } from "./decoder.ts";
import type { DecoderConfig } from "./decoder_config.ts";
import { dropoutMask, stream } from "../random/counter.ts";
import { loraOfLayer, type Tuning } from "./parameters.ts";

/** Name of the embedding table. */
export const EMBEDDING = "model.embed_tokens.weight";

/** Division of a body into programs: `blocks`, one program for all layers of a kind, or `stack`, one for everything. */
export type BodyForm = "blocks" | "stack";

/** A pack's tokens where the kernels run. `cos` and `sin` `[T, head / 2]`, the others `[T]` int32. */
export interface Rows {
  /** Token ids on the host, `[T]`. */
  tokens: Int32Array<ArrayBuffer>;
  tensors: Readonly<Record<"ids" | "cos" | "sin" | "until" | "positions", Tensor>>;
}

/** Options of a forward pass. */
export interface BodyPass {
  /** false: adapters off. */
  adapter: boolean;
  /** Keep what {@linkcode Body.backward} needs; `rows` must live until then. */
  keep: boolean;
  /** Number that decides dropout masks; undefined: no dropout. */
  dropoutStep: number | undefined;
}

/** Embedding and blocks. */
export interface Body {
  /** `[T, D]` behind the last block; it is the caller's. */
  forward(rows: Rows, pass: BodyPass): Promise<Tensor>;
  /**
   * Adds to the gradients of everything trained here.
   * @param dx Gradient of what the last kept forward pass gave, `[T, D]`; it is taken over.
   */
  backward(dx: Tensor): Promise<void>;
  /** Drops what a forward pass kept. */
  discard(): void;
}

/** Values kept by a forward pass. @throws {Error} If none was kept. */
export function keptBy<T>(kept: T | null): T {
  if (kept === null) throw new Error("Cannot go back: no forward pass was kept");
  return kept;
}

/** Dropout as an engine is set up for it. */
export interface DropoutSettings {
  config: DecoderConfig;
  tuning: Tuning;
  seed: number;
}

/** Whether a run has dropout at all. */
export function hasDropout(tuning: Tuning): boolean {
  return tuning.type === "lora" && tuning.dropout > 0;
}

/**
 * Masks `[T, in]` of a layer's adapters, 0 or 1 / (1 − rate), as inputs `mask.MODULE` of its block; all 1 without a step, none
 * without dropout.
 */
export function uploadMasks(
  backend: Backend,
  { config, tuning, seed }: DropoutSettings,
  layer: number,
  rows: number,
  step: number | undefined,
): Record<string, Tensor> {
  if (tuning.type !== "lora" || !hasDropout(tuning)) return {};
  return Object.fromEntries(
    Object.keys(loraOfLayer(tuning, layer)).map((module) => {
      const inner = moduleShape(config, module as LinearModule)[1], mask = new Float32Array(rows * inner);
      if (step === undefined) mask.fill(1);
      else dropoutMask(mask, tuning.dropout, seed, step, stream(ofLayer(layer, module)));
      return [`mask.${module}`, backend.upload(mask, [rows, inner])];
    }),
  );
}

/** Gives tensors back. */
export function disposeAll(tensors: Readonly<Record<string, Tensor>>): void {
  for (const tensor of Object.values(tensors)) tensor.dispose();
}
