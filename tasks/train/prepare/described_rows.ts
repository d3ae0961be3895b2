/**
 * What rows of new tokens begin as where their meaning is written down (`init_special_tokens`), as LLaMA-Factory's
 * `_description_based_initialization` has it: the mean of the embedding's rows of its text's tokens.
 * @module
 */
import type { Tokenizer } from "../../../formats/tokenizer/tokenizer.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import type { DescribedRows } from "../../../kernels/engine/weights/embedding_change.ts";
import type { TrainConfig } from "../config/mod.ts";

/** Keys that decide about it; absent: as by default. */
export type DescriptionKeys = Partial<Pick<TrainConfig, "new_special_tokens_config" | "init_special_tokens">>;

/**
 * Rows that begin as their texts say; null where none does.
 * @param tokenizer With the new tokens
 * @param model.decoder As the files have it
 * @param model.isGrown True if it gets rows
 */
export function describedRows(
  { new_special_tokens_config: meanings = null, init_special_tokens: init = "noise_init" }: DescriptionKeys,
  tokenizer: Tokenizer,
  { decoder: { vocabSize }, isGrown }: { decoder: Pick<DecoderConfig, "vocabSize">; isGrown: boolean },
): { rows: DescribedRows | null; notes: string[] } {
  if (meanings === null) return { rows: null, notes: [] };
  if (init === "noise_init") {
    const note =
      "new_special_tokens_config: its texts decide nothing, as init_special_tokens is noise_init (desc_init takes them)";
    return { rows: null, notes: [note] };
  }
  const begun = Object.entries(meanings).map(([token, text]) => ({
    token,
    row: tokenizer.tokenToId(token) ?? -1,
    of: tokenizer.encode(text, { special: true }).filter((id) => id < vocabSize),
  }));
  const has = begun.filter(({ row }) => row < vocabSize);
  const rows = isGrown ? begun.filter(({ row }) => row >= vocabSize) : [],
    empty = rows.filter(({ of }) => of.length === 0);
  const names = (tokens: readonly { token: string }[]) => tokens.map(({ token }) => token).join(", ");
  return {
    rows: rows.length === 0
      ? null
      : { rows: rows.map(({ row, of }) => ({ row, of })), isNoisy: init === "desc_init_w_noise" },
    notes: [
      ...rows.length > 0
        ? [`init_special_tokens: ${names(rows)} begin as their texts' tokens do, on the average`]
        : [],
      ...has.length > 0
        ? [
          `init_special_tokens: ${
            names(has)
          } keep the rows that the model has for their ids, as in LLaMA-Factory`,
        ]
        : [],
      ...empty.length > 0
        ? [
          `init_special_tokens: the texts of ${
            names(empty)
          } have no token of the model's, so these begin as the mean of all`,
        ]
        : [],
    ],
  };
}
