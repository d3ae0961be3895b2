/**
 * Fields of rows and turns that say whether they are learnt: `weight: 0` (OpenAI's fine-tuning files), `train: false`,
 * `training: false` (axolotl), `loss: false` (ms-swift), `loss_mask: 0`, `trainable: false` (in files of others).
 * @module
 */

/** Names of these fields. */
export const LEARNT_FIELDS = ["weight", "train", "training", "loss", "loss_mask", "trainable"] as const;

/** The value of a row's mark; csv has it as text. Anything else stays as it is. */
export function rowMark(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const word = value.trim().toLowerCase();
  if (word === "false" || word === "true") return word === "true";
  return word !== "" && Number.isFinite(Number(word)) ? Number(word) : value;
}

/** True if a row's field of such a name says whether it is learnt: a word such as "no" or a score doesn't. */
export function isRowMark(value: unknown): boolean {
  return [true, false, 0, 1].includes(rowMark(value) as number | boolean);
}
