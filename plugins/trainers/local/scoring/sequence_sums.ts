/**
 * Sums of a pack's label log-probabilities by sequence, and the weights of labels in them.
 * @module
 */
import { entryOf, f64, i32, item } from "../../../../formats/elements.ts";
import type { Pack } from "../../../../kernels/engine/packs/pack.ts";
import type { LabelledTokens, Loss } from "../../../kinds/loss.ts";

/** Values by sequence name of each of a pack's examples. @param count Examples of the pack */
export function byExample<T>(
  { sequences }: Pick<Pack, "sequences">,
  count: number,
  value: (sequence: number) => T,
): Record<string, T>[] {
  const rows: Record<string, T>[] = Array.from({ length: count }, () => ({}));
  sequences.forEach(({ example, name }, s) => item(rows, example)[name] = value(s));
  return rows;
}

/**
 * Sums by sequence of values of labels.
 * @param values `[L]`
 * @param weights Those of {@linkcode ownerWeights}; absent: 1 each
 */
export function sequenceSums(
  pack: Pick<Pack, "sequences" | "ownerStart" | "owners">,
  values: Float64Array,
  weights?: Float64Array | null,
): Float64Array {
  const sums = new Float64Array(pack.sequences.length);
  for (let l = 0; l < values.length; l++) {
    for (let o = i32(pack.ownerStart, l); o < i32(pack.ownerStart, l + 1); o++) {
      const owner = i32(pack.owners, o), value = f64(values, l);
      sums[owner] = f64(sums, owner) + (weights ? f64(weights, o) * value : value);
    }
  }
  return sums;
}

/** Labels of each sequence in its order, and where each is among the pack's `owners`. */
export function labelsOfSequences(
  { sequences, ownerStart, owners, labelIds }: Pick<Pack, "sequences" | "ownerStart" | "owners" | "labelIds">,
): { label: number; entry: number }[][] {
  const found: { label: number; entry: number }[][] = sequences.map(() => []);
  for (let label = 0; label < labelIds.length; label++) {
    for (let entry = i32(ownerStart, label); entry < i32(ownerStart, label + 1); entry++) {
      item(found, i32(owners, entry)).push({ label, entry });
    }
  }
  return found;
}

/**
 * `Loss.tokenWeights` of every label for each sequence that it belongs to, laid out as the pack's `owners`; null: the loss has none.
 * @param told Of each label, `[L]` in nats: log π, and what the loss measures, empty if nothing
 * @throws {RangeError} If the loss gives a sequence another number of weights than it has labels, or one that isn't finite
 */
export function ownerWeights(
  loss: Pick<Loss, "tokenWeights">,
  pack: Pack,
  count: number,
  { logps, measures }: Pick<LabelledTokens, "logps" | "measures">,
): Float64Array | null {
  if (!loss.tokenWeights) return null;
  const entries = labelsOfSequences(pack);
  const tokens = byExample(pack, count, (s): LabelledTokens => ({
    logps: Float64Array.from(item(entries, s), ({ label }) => f64(logps, label)),
    measures: Float64Array.from(
      measures.length > 0 ? item(entries, s) : [],
      ({ label }) => f64(measures, label),
    ),
    positions: Int32Array.from(
      item(entries, s),
      ({ label }) => i32(pack.positions, i32(pack.labelRows, label)) + 1,
    ),
  }));
  const given = tokens.map((sequences) => loss.tokenWeights?.(sequences) ?? {});
  const weights = new Float64Array(pack.owners.length);
  pack.sequences.forEach(({ example, name }, s) => {
    const own = entryOf(item(given, example), name), places = item(entries, s);
    const bad = own.findIndex((v) => !Number.isFinite(v));
    if (own.length !== places.length || bad >= 0) {
      throw new RangeError(
        `Cannot weigh the labels of sequence "${name}" as its loss's tokenWeights must give ${places.length} finite numbers: current value is ` +
          (bad >= 0 ? `${own[bad]} at ${bad}` : `${own.length} of them`),
      );
    }
    places.forEach(({ entry }, i) => weights[entry] = f64(own, i));
  });
  return weights;
}
