/**
 * Prompts of encoded rows whose answers are still to be drawn: what is encoded behind them only holds the place of an answer.
 * @module
 */
import { item } from "../../../../formats/elements.ts";
import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";

/** Ids in front of the first label, `[T]`. */
export function idsOfPrompt({ sequences }: EncodedExample): number[] {
  const { input_ids, labels } = item(sequences, 0);
  const from = Array.from(labels).findIndex((id) => id >= 0);
  return Array.from(input_ids).slice(0, from);
}

/** The row as its prompt alone, of which nothing is learnt; a row whose answer is there as it is. */
export function withoutDrawn(example: EncodedExample): EncodedExample {
  if (example.task === undefined) return example;
  const ids = idsOfPrompt(example), { name } = item(example.sequences, 0);
  return { ...example, sequences: [{ name, input_ids: ids, labels: ids.map(() => -100) }] };
}
