/**
 * Work of one token, N parameters of the blocks' linear layers: forward 2N, gradient of activations 2N, gradient of
 * weights 2 of those that are trained, once more forward 2N when activations aren't kept; attention on top. The way back goes through the layers
 * down to the lowest that has something trained; where all blocks are one program, it makes all of them again.
 * @module
 */
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import type { EncodedExample } from "../../../kernels/engine/packs/encoded.ts";
import { examplePairs } from "../../../kernels/engine/packs/pack.ts";
import { type DataRows, type DevicePlace, packRows, type Weights } from "./sizes.ts";
import type { EstimateConfig } from "./types.ts";

/** Floating-point operations of an epoch, and of a forward pass over all examples. */
export function workOf(
  config: EstimateConfig,
  model: DecoderConfig,
  train: readonly EncodedExample[],
  {
    place: { gpu, stack, checkpoints },
    weights: { linear, tuned, reached, head: isHeadTrained, headRows },
    rows,
  }: {
    place: DevicePlace;
    weights: Weights;
    rows: DataRows;
  },
): { epoch: number; forward: number } {
  // one program makes all of the forward pass again, however little the way back needs of it
  const again = stack ? Math.ceil(reached) : checkpoints ? reached : 0;
  const passes = 2 * (1 + tuned + reached + again);
  // On a GPU of ONNX Runtime attention is whole: scores of all rows of a pack by all.
  const pairs = gpu
    ? rows.all * packRows(config, rows)
    : train.reduce((sum, example) => sum + examplePairs(example), 0);
  const attention = 2 * pairs * model.numHeads * model.headDim * model.numLayers;
  const head = rows.labels * model.hiddenSize * headRows;
  return {
    epoch: passes * (linear * rows.all + attention) + (isHeadTrained ? 6 : 4) * head,
    forward: 2 * (linear * rows.all + attention + head),
  };
}
