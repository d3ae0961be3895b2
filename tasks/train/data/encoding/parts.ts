/**
 * Sequences as parts: runs of token ids that are learnt or not.
 * @module
 */

/** Learnt tokens of a part: 0 none, 1 every one, 2 only eos instead of the first one (`efficient_eos` templates). */
export type PartKind = 0 | 1 | 2;

/** A run of token ids within a sequence. */
export interface Part {
  /** Token ids, `[T]`. */
  ids: ArrayLike<number>;
  /** Learnt tokens among them. */
  kind: PartKind;
}

/** Ids and labels of a sequence. Its first token has no label, since nothing comes before it. */
export function joinParts(
  parts: readonly Part[],
  eosId: number,
): { input_ids: Int32Array; labels: Int32Array } {
  const length = parts.reduce((sum, { ids }) => sum + ids.length, 0);
  const input_ids = new Int32Array(length);
  const labels = new Int32Array(length).fill(-100);
  let offset = 0;
  for (const { ids, kind } of parts) {
    input_ids.set(ids, offset);
    if (kind === 1) labels.set(ids, offset);
    if (kind === 2 && ids.length > 0) labels[offset] = eosId;
    offset += ids.length;
  }
  if (length > 0) labels[0] = -100;
  return { input_ids, labels };
}

/** Labelled tokens of a sequence. */
export function countLabels(parts: readonly Part[]): number {
  let [offset, count] = [0, 0];
  for (const { ids, kind } of parts) {
    if (kind === 1) count += ids.length - (offset === 0 && ids.length > 0 ? 1 : 0);
    if (kind === 2 && ids.length > 0 && offset > 0) count++;
    offset += ids.length;
  }
  return count;
}
