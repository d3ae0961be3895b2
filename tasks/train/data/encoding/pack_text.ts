/**
 * Packing of stage pt: texts one behind the other, cut into blocks of `cutoff_len`. LLaMA-Factory:
 * `PretrainDatasetProcessor` with packing.
 * @module
 */
import { item } from "../../../../formats/elements.ts";

/** Rows that LLaMA-Factory encodes together (`preprocessing_batch_size`): kto's neighbours and packing stay inside. */
export const GROUP = 1000;

/** A block of ids. */
export interface TextBlock {
  /** Token ids, `[length]`. */
  ids: Int32Array;
  /** Number of the text that its first token is from. */
  first: number;
}

/**
 * Joins texts and cuts them, group by group of `groupSize` texts; a group's tokens that don't fill a block are left out, as
 * in LLaMA-Factory. If that leaves nothing at all, all tokens make one shorter block.
 *
 * @param texts Ids of each text, end of text included.
 * @param length Tokens of a block, > 0.
 * @param bosId Put instead of a block's first token; null: not.
 * @returns Blocks and the number of tokens left out.
 */
export function packTexts(
  texts: readonly ArrayLike<number>[],
  length: number,
  bosId: number | null,
  groupSize: number = GROUP,
): { blocks: TextBlock[]; leftOut: number } {
  const blocks: TextBlock[] = [];
  let leftOut = 0;
  for (let from = 0; from < texts.length; from += groupSize) {
    let block = new Int32Array(length);
    let [filled, first] = [0, from];
    for (let t = from; t < Math.min(from + groupSize, texts.length); t++) {
      const ids = item(texts, t);
      for (let i = 0; i < ids.length; i++) {
        if (filled === 0) first = t;
        block[filled++] = item(ids, i);
        if (filled < length) continue;
        blocks.push({ ids: block, first });
        block = new Int32Array(length);
        filled = 0;
      }
    }
    leftOut += filled;
  }
  if (blocks.length === 0 && leftOut > 0) {
    if (texts.length > groupSize) return packTexts(texts, length, bosId, texts.length);
    blocks.push({ ids: Int32Array.from(texts.flatMap((text) => Array.from(text))), first: 0 });
    leftOut = 0;
  }
  if (bosId !== null) { for (const { ids } of blocks) ids[0] = bosId; }
  return { blocks, leftOut };
}
