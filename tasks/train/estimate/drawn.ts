/**
 * What drawing answers adds to a run's needs (stage grpo).
 * @module
 */
import { item } from "../../../formats/elements.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import type { EncodedExample } from "../../../kernels/engine/packs/encoded.ts";
import { idsOfPrompt } from "../../../plugins/trainers/local/rollouts/prompt_of.ts";
import type { TrainConfig } from "../config/mod.ts";

/** Keys that say how many answers there are, and how long they may be. */
export type DrawnLengthKeys = Pick<TrainConfig, "stage" | "num_generations" | "max_new_tokens">;

/** Rows as they are learnt; in stage grpo, of each prompt as many answers as are drawn, all as long as they may be. */
export function learntAtMost(
  { stage, num_generations, max_new_tokens }: DrawnLengthKeys,
  train: readonly EncodedExample[],
): readonly EncodedExample[] {
  if (stage !== "grpo") return train;
  return train.flatMap((example) => {
    const prompt = idsOfPrompt(example), { name } = item(example.sequences, 0);
    const input_ids = new Int32Array(prompt.length + max_new_tokens);
    input_ids.set(prompt);
    const answer: EncodedExample = {
      index: example.index,
      source: example.source,
      sequences: [{ name, input_ids, labels: input_ids.map((_, i) => i < prompt.length ? -100 : 0) }],
    };
    return Array.from({ length: num_generations }, () => answer);
  });
}

/**
 * Bytes of keys and values of a group's answers in the model that draws them, which has room for a power of two of tokens each, 256 at least; 0 where nothing is drawn.
 * @param longest Tokens of the longest prompt with its answer
 */
export function drawnCache(
  { stage, num_generations }: DrawnLengthKeys,
  { numLayers, numKeyValueHeads, headDim }: DecoderConfig,
  longest: number,
): number {
  if (stage !== "grpo") return 0;
  const room = Math.max(256, 2 ** Math.ceil(Math.log2(longest)));
  return 4 * 2 * numLayers * numKeyValueHeads * headDim * room * num_generations;
}
