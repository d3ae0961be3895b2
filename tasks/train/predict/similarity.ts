/**
 * Likeness of answers to the answers of the data: LLaMA-Factory's `ComputeSimilarity`.
 * @module
 */
import { roundHalfEven } from "../outputs/mod.ts";
import { bleu4 } from "./bleu.ts";
import { rouge } from "./rouge.ts";
import { cutWords } from "./words.ts";

/** Means over all answers, each in [0, 100]. */
export type Similarity = Record<"rouge-1" | "rouge-2" | "rouge-l" | "bleu-4", number>;

/** One text that was generated, and the one of the data. */
export interface Compared {
  /** Generated. */
  predict: string;
  /** Of the data. */
  label: string;
}

/** Mean scores of at least one pair; each pair's are rounded to four digits first, as there. */
export function similarity(pairs: readonly Compared[]): Similarity {
  const sums = { "rouge-1": 0, "rouge-2": 0, "rouge-l": 0, "bleu-4": 0 };
  for (const { predict, label } of pairs) {
    const scores = {
      ...rouge(cutWords(predict).join(" "), cutWords(label).join(" ")),
      "bleu-4": bleu4(predict, label),
    };
    for (const name of Object.keys(sums) as (keyof Similarity)[]) {
      sums[name] += roundHalfEven(scores[name] * 100, 4);
    }
  }
  for (const name of Object.keys(sums) as (keyof Similarity)[]) sums[name] /= pairs.length;
  return sums;
}
