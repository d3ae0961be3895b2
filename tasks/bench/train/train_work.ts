/**
 * Operations of measured steps, by arithmetic.
 * @module
 */
import type { Keep } from "../../../kernels/autodiff.ts";
import { madeAgain } from "../../../kernels/engine/decoder/checkpointing.ts";
import { linearModules, modulesByInput, moduleShape } from "../../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import { type Pack, visiblePairs } from "../../../kernels/engine/packs/pack.ts";

/** How an engine goes through a step. */
export interface StepForm {
  /** What blocks keep for the way back. */
  keep: Keep;
  /** True if the last block computes what stands behind attention for labelled rows alone; with `dear` it keeps all. */
  fewLast: boolean;
}

/**
 * Floating-point operations of the products with frozen weights in forward and backward passes over packs, those made twice
 * counted twice; attention's and LoRA's aren't. Of the head they are logits and the mean of the vocabulary's rows.
 */
export function productOperations(
  packs: readonly Pick<Pack, "ids" | "labelRows">[],
  decoder: DecoderConfig,
  { keep, fewLast }: StepForm,
): number {
  const [beforeAttention = []] = modulesByInput(decoder);
  return packs.reduce((sum, { ids, labelRows }) => {
    const rows = ids.length, labelled = new Set(labelRows).size;
    const blocks = linearModules(decoder).reduce((all, module) => {
      const each = 2 * moduleShape(decoder, module).reduce((a, b) => a * b, 1);
      const passes = madeAgain(keep, decoder).includes(module) ? 3 : 2;
      const lastRows = fewLast && !beforeAttention.includes(module) ? labelled : rows;
      const last = (fewLast && keep === "dear" ? 2 : passes) * lastRows;
      return all + each * (passes * rows * (decoder.numLayers - 1) + last);
    }, 0);
    return sum + blocks + 4 * decoder.hiddenSize * decoder.vocabSize * labelRows.length;
  }, 0);
}

/**
 * Useful operations of attention and its gradient over packs: two products forward, five backward, each two operations a pair and column;
 * scores that the gradient makes once more aren't counted, what checkpointing computes again is.
 */
export function attentionOperations(
  packs: readonly Pick<Pack, "until" | "positions">[],
  { slidingWindow, numLayers, numHeads, headDim }: DecoderConfig,
  keep: Keep,
): number {
  const pairs = new Map<number | null, number>();
  let sum = 0;
  for (let layer = 0; layer < numLayers; layer++) {
    const window = slidingWindow[layer] ?? null;
    const known = pairs.get(window) ?? packs.reduce((all, pack) => all + visiblePairs(pack, window), 0);
    pairs.set(window, known);
    sum += 2 * ((keep === "inputs" ? 4 : 2) + 5) * known * numHeads * headDim;
  }
  return sum;
}
