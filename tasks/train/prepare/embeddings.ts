/**
 * Embedding and output head as a run changes them: tokens that are added (`add_tokens`, `add_special_tokens`, `resize_vocab`), and modules that
 * are trained whole (`additional_target`), as LLaMA-Factory's `patch_tokenizer`, `resize_embedding_layer` and `_setup_lora_tuning` do it.
 * @module
 */
import type { LoadedModel } from "../../../formats/hf_model/loaded_model.ts";
import { textConfigOf } from "../../../formats/hf_model/mod.ts";
import { type SavedEmbeddings, savedEmbeddings } from "../../../formats/peft/mod.ts";
import type { EditableTokenizer, Tokenizer } from "../../../formats/tokenizer/tokenizer.ts";
import { EMBEDDING } from "../../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import { changedBy } from "../../../kernels/engine/weights/embedding_change.ts";
import { type FreezeKeys, freezeTargets } from "../../../plugins/kinds/targets/freeze_targets.ts";
import type { LoraTargetKeys } from "../../../plugins/kinds/targets/lora_targets.ts";
import { placed } from "../../../plugins/kinds/place.ts";
import { describedRows } from "./described_rows.ts";
import { BOTH_EMBEDDINGS, checkWholeTargets } from "../../../plugins/kinds/targets/whole_targets.ts";
import type { TrainConfig } from "../config/mod.ts";
import type { Ready } from "./ready.ts";

/** Keys that decide about embedding and head; absent: as by default. */
export type EmbeddingKeys =
  & LoraTargetKeys
  & FreezeKeys
  & Pick<TrainConfig, "finetuning_type">
  & Partial<
    Pick<
      TrainConfig,
      | "add_tokens"
      | "add_special_tokens"
      | "new_special_tokens_config"
      | "init_special_tokens"
      | "resize_vocab"
      | "additional_target"
      | "seed"
      | "split_special_tokens"
    >
  >;

/** A tokenizer with further tokens. */
export interface GrownTokenizer {
  tokenizer: EditableTokenizer;
  /** True if the embeddings are to be as large as the tokenizer. */
  resizes: boolean;
  notes: string[];
}

/** The model's tokenizer with the tokens that the keys add. */
export function grownTokenizer(plain: EditableTokenizer, config: EmbeddingKeys): GrownTokenizer {
  const { add_tokens = [], add_special_tokens: special = [], resize_vocab: resizes = false } = config;
  if (add_tokens.length + special.length === 0) return { tokenizer: plain, resizes, notes: [] };
  const tokenizer = plain.withTokens(add_tokens).withSpecialTokens(special);
  const added = [...new Set([...add_tokens, ...special])].filter((token) => plain.tokenToId(token) === null);
  const ids = added.map((token) => `${token} (${tokenizer.tokenToId(token)})`).join(", ");
  return {
    tokenizer,
    resizes: resizes || added.length > 0,
    notes: [
      added.length === 0
        ? "add_tokens, add_special_tokens: the vocabulary has all of them already"
        : `added to the vocabulary: ${ids}`,
      ...(special.length > 0 && config.split_special_tokens !== false
        ? [
          "add_special_tokens: with split_special_tokens: true they stay text where the data has them, so only a template can write them; set split_special_tokens: false",
        ]
        : []),
    ],
  };
}

/** Rows come in multiples of this, as LLaMA-Factory pads them. */
const MULTIPLE = 64;

/**
 * The decoder with the embeddings that the run trains.
 * @param found.tokenizer With the template's tokens
 * @param found.adapterFolders As `Ready` has them, `found.mergedFolders` too
 * @throws {RangeError} If an adapter has other embeddings, new rows wouldn't be saved, or a name of `additional_target` fits no module; says where the key was written
 */
export function embeddingsOf(
  config: EmbeddingKeys,
  decoder: DecoderConfig,
  { tokenizer, resizes, adapterFolders, mergedFolders, placeOf }:
    & { tokenizer: Tokenizer; resizes: boolean }
    & Pick<Ready, "adapterFolders" | "mergedFolders" | "placeOf">,
): Pick<Ready, "decoder" | "embeddings" | "additionalTarget" | "notes"> {
  const isGrown = resizes && tokenizer.vocabSize > decoder.vocabSize;
  const rows = isGrown ? Math.ceil(tokenizer.vocabSize / MULTIPLE) * MULTIPLE : decoder.vocabSize;
  const isLora = config.finetuning_type === "lora", [folder] = isLora ? adapterFolders : [];
  const wanted = config.additional_target ?? [];
  const additionalTarget = isLora && folder === undefined
    ? wanted.length > 0 ? wanted : resizes ? [...BOTH_EMBEDDINGS] : []
    : [];
  placed(
    placeOf("additional_target"),
    () => checkWholeTargets({ ...config, additional_target: additionalTarget }, decoder),
  );
  placed(placeOf("adapter_name_or_path"), () => {
    for (const merged of mergedFolders) checkRows(merged, savedEmbeddings(merged), rows);
  });
  const saved = folder === undefined
    ? ofTargets(additionalTarget, rows)
    : placed(placeOf("adapter_name_or_path"), () => ofAdapter(folder, rows, decoder));
  if (isLora && isGrown) checkRowsSaved(saved, { folder, additionalTarget, placeOf });
  const { decoder: changed, change } = changedBy({ ...saved, rows }, decoder, config.seed);
  const described = describedRows(config, tokenizer, { decoder, isGrown });
  const trained = additionalTarget.join(", ");
  return {
    decoder: changed,
    embeddings: change && { ...change, ...described.rows && { described: described.rows } },
    additionalTarget,
    notes: [
      ...isGrown
        ? [
          `the embeddings have ${rows} rows in place of ${decoder.vocabSize}: new ones begin as the mean of the others with noise, by seed`,
        ]
        : [],
      ...described.notes,
      ...wanted.length === 0 && additionalTarget.length > 0
        ? [`additional_target: ${trained}, as the vocabulary is changed`]
        : [],
      ...isGrown && areRowsFrozen(config, changed, placeOf)
        ? ["freeze_extra_modules: without embed_tokens the new rows stay as they begin, as in LLaMA-Factory"]
        : [],
      ...changed.tieWordEmbeddings === decoder.tieWordEmbeddings ? [] : [
        "embedding and output head are one in the model and two in what is trained, as in PEFT: merged, both are written",
      ],
    ],
  };
}

/** True if freeze trains the rows of new tokens not at all. */
function areRowsFrozen(config: EmbeddingKeys, decoder: DecoderConfig, placeOf: Ready["placeOf"]): boolean {
  return config.finetuning_type === "freeze" && !freezeTargets(config, decoder, placeOf).includes(EMBEDDING);
}

function ofTargets(targets: readonly string[], rows: number) {
  const has = (module: string) => targets.some((ending) => module.endsWith(ending)) ? rows : null;
  return { embedding: has("model.embed_tokens"), head: has("lm_head"), staysTied: false };
}

function ofAdapter(folder: string, rows: number, { tieWordEmbeddings }: DecoderConfig) {
  const saved = savedEmbeddings(folder);
  if (saved.staysTied && tieWordEmbeddings && (saved.embedding ?? saved.head) !== null) {
    throw new RangeError(
      `Cannot train the adapter ${folder} on as it has ensure_weight_tying: true with an embedding of its own: merge it by deno task export, and ` +
        "train upon that",
    );
  }
  checkRows(folder, saved, rows);
  return saved;
}

function checkRows(folder: string, { embedding, head }: SavedEmbeddings, rows: number): void {
  const other = [embedding, head].find((own) => own !== null && own !== rows);
  if (other === undefined || other === null) return;
  throw new RangeError(
    `Cannot use the adapter ${folder} as its embeddings have ${other} rows: current value is ${rows}, those of the model with the tokens ` +
      "that this run adds; give add_tokens, add_special_tokens and resize_vocab as its own run had them",
  );
}

/** New rows that aren't in the adapter would be others wherever it is read. */
function checkRowsSaved(
  { embedding, head }: SavedEmbeddings,
  { folder, additionalTarget, placeOf }: Pick<Ready, "additionalTarget" | "placeOf"> & {
    folder: string | undefined;
  },
): void {
  if (embedding !== null && head !== null) return;
  placed(placeOf(folder === undefined ? "additional_target" : "adapter_name_or_path"), () => {
    throw new RangeError(
      folder === undefined
        ? `Cannot train with tokens that the model has no rows for as these are saved by embed_tokens and lm_head alone: current value of additional_target is ${
          additionalTarget.join(", ")
        }; add both, or leave it out, which stands for both`
        : `Cannot use the adapter ${folder} with tokens that the model has no rows for as its modules_to_save lack embed_tokens or lm_head: to train, set ` +
          "create_new_adapter: true, which merges it and trains a new one; else leave add_tokens, add_special_tokens and resize_vocab out",
    );
  });
}

/** The model's config.json with the embedding's rows, where its own weights are trained. */
export function grownConfig(
  { config }: Pick<LoadedModel, "config">,
  { embeddings, decoder: { vocabSize } }: Pick<Ready, "embeddings" | "decoder">,
): Record<string, unknown> {
  if (embeddings === null || embeddings.stored.vocabSize === vocabSize) return config;
  const text = textConfigOf(config);
  return text === config
    ? { ...config, vocab_size: vocabSize }
    : { ...config, text_config: { ...text, vocab_size: vocabSize } };
}
