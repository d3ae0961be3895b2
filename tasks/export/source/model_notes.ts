/**
 * Remarks on what other programs will find otherwise than in the source's folder.
 * @module
 */
import type { LoadedModel } from "../../../formats/hf_model/mod.ts";
import { splitsAsQwen2, type Tokenizer } from "../../../formats/tokenizer/mod.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import type { ExportConfig } from "../export_config.ts";

/** A remark where what sees is left out. */
export function languageNotes(
  { export_format: format, template }: ExportConfig,
  beside: ReadonlyMap<string, readonly number[]> | null,
  model: LoadedModel,
  chatTemplate: string | null,
): string[] {
  if (beside === null) return [];
  if (format !== "safetensors") {
    return [
      `${format} has the language part alone: ${beside.size} tensors of the part that sees are left out`,
    ];
  }
  return template === null || chatTemplate?.endsWith(model.tokenizer.chatTemplate ?? "") ? [] : [
    `template ${template}: the chat template that is written has no place for images, as the model's own one gives other texts; ` +
    "leave template out to keep that",
  ];
}

/** A remark where transformers 5 would cut texts otherwise than the tokenizer (findings/class_over_tokenizer_json.sh). */
export function splitNotes(
  { export_format: format }: ExportConfig,
  { modelType }: DecoderConfig,
  tokenizer: Tokenizer | null,
): string[] {
  if (format !== "safetensors" || tokenizer === null) return [];
  const { tokenizer_class: name } = JSON.parse(String(tokenizer.files()["tokenizer_config.json"] ?? "{}"));
  const isQwen2 = modelType === "qwen2" || /^Qwen2Tokenizer(Fast)?$/.test(String(name));
  if (!isQwen2 || splitsAsQwen2(tokenizer)) return [];
  return [
    "transformers 5 reads this tokenizer as its class Qwen2Tokenizer, which cuts texts otherwise than tokenizer.json says: take ids " +
    "there by tokenizers' Tokenizer.from_file, or version 4",
  ];
}
