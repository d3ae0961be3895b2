/**
 * Runs the embedding and all blocks, between a pack's tokens and the rows that the head looks at.
 * @module
 */
import type { Backend, Tensor } from "../../backend.ts";
import { EMBEDDING, modulesByInput, moduleShape, ofLayer } from "../decoder/decoder.ts";
import type { LinearModule } from "../decoder/decoder.ts";
import type { DecoderConfig } from "../decoder/decoder_config.ts";
import { dropoutMask, stream } from "../../random/counter.ts";
import { loraOfLayer, type Tuning } from "../weights/tuning.ts";

/**
 * The lowest layer that has something trained in it or below it: nothing below wants a gradient. As many as there are layers if none has.
 * @param trained Full names
 */
export function lowestTrained(trained: Iterable<string>, numLayers: number): number {
  let lowest = numLayers;
  for (const name of trained) {
    if (name === EMBEDDING) return 0;
    const layer = /^model\.layers\.(\d+)\./.exec(name)?.[1];
    if (layer !== undefined) lowest = Math.min(lowest, Number(layer));
  }
  return lowest;
}

/** Division of a body into programs: `blocks`, one program for all layers of a kind, or `stack`, one for everything. */
export type BodyForm = "blocks" | "stack";

/** A pack's tokens where the kernels run: `[T]` int32, and angles `[T, head / 2]` by their names as a block's inputs. */
export interface Rows {
  /** Token ids on the host, `[T]`. */
  tokens: Int32Array<ArrayBuffer>;
  tensors: Readonly<Record<string, Tensor> & Record<"ids" | "until" | "positions", Tensor>>;
  /** Tokens of the longest sequence that each row belongs to, `[T]` or fewer; null where embeddings get no noise. */
  lengths: Int32Array | null;
  /** Rows `[R]`, ascending, that the last block's output is wanted for; null: all. */
  wanted: Int32Array<ArrayBuffer> | null;
}

/** Options of a forward pass. */
export interface BodyPass {
  /** false: adapters off. */
  adapter: boolean;
  /** Keep what {@linkcode Body.backward} needs; `rows` must live until then. */
  keep: boolean;
  /** Number that decides dropout masks and noise on embeddings; undefined: neither. */
  dropoutStep: number | undefined;
}

/** Embedding and blocks. */
export interface Body {
  /** `[T, D]` behind the last block, or `[R, D]` where rows are `wanted`; it is the caller's. */
  forward(rows: Rows, pass: BodyPass): Promise<Tensor>;
  /**
   * Adds to the gradients of everything trained here.
   * @param dx Gradient of what the forward pass that is kept longest gave, of its shape; it is taken over.
   */
  backward(dx: Tensor): Promise<void>;
  /** Drops what forward passes kept. */
  discard(): void;
}

/** Takes the values of the forward pass that is kept longest. @throws {Error} If none was kept. */
export function takeKept<T>(kept: T[]): T {
  const first = kept.shift();
  if (first === undefined) throw new Error("Cannot go back: no forward pass was kept");
  return first;
}

/** A body as an engine is set up for it. */
export interface BodySettings {
  config: DecoderConfig;
  tuning: Tuning;
  /** Seed of dropout masks and of noise. */
  seed: number;
  /** α ≥ 0 of noise on embeddings (noise.ts); 0: none. */
  neftuneAlpha: number;
}

/** True if a run has dropout at all. */
export function hasDropout(tuning: Tuning): boolean {
  return tuning.type === "lora" && tuning.dropout > 0;
}

/**
 * Masks `[T, in]` of a layer's adapters, 0 or 1 / (1 − rate), as inputs `mask.MODULE` of its block; all 1 without a step, none
 * without dropout.
 * @param wanted Rows that modules behind attention get, the same values as among all rows; null: all
 */
export function uploadMasks(
  backend: Backend,
  { config, tuning, seed }: Pick<BodySettings, "config" | "tuning" | "seed">,
  { layer, rows, step, wanted = null }: {
    layer: number;
    rows: number;
    step: number | undefined;
    wanted?: Int32Array | null;
  },
): Record<string, Tensor> {
  if (tuning.type !== "lora" || !hasDropout(tuning)) return {};
  // Those before attention need all rows.
  const [beforeAttention = []] = modulesByInput(config);
  return Object.fromEntries(
    Object.keys(loraOfLayer(config, tuning, layer)).map((module) => {
      const inner = moduleShape(config, module as LinearModule)[1], mask = new Float32Array(rows * inner);
      if (step === undefined) mask.fill(1);
      else dropoutMask(mask, tuning.dropout, { seed, of: stream(ofLayer(layer, module)), step });
      if (!wanted || beforeAttention.some((name) => name === module)) {
        return [`mask.${module}`, backend.upload(mask, [rows, inner])];
      }
      const taken = new Float32Array(wanted.length * inner);
      wanted.forEach((row, i) => taken.set(mask.subarray(row * inner, (row + 1) * inner), i * inner));
      return [`mask.${module}`, backend.upload(taken, [wanted.length, inner])];
    }),
  );
}

/** Gives tensors back. */
export function disposeAll(tensors: Readonly<Record<string, Tensor>>): void {
  for (const tensor of Object.values(tensors)) tensor.dispose();
}
