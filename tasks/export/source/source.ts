/**
 * The model that is exported: base weights with the adapters merged in, tokenizer and template.
 * @module
 */
import { join } from "@std/path";

import { exists } from "../../../formats/exists.ts";
import { besideShapes, checkTensors, checkWhole, openModel } from "../../../formats/hf_model/mod.ts";
import { resolveAdapters, type ResolveOptions } from "../../../formats/hub/mod.ts";
import { baseDifference } from "../../../formats/peft/mod.ts";
import { readValueHead, VALUE_HEAD_FILE } from "../../../formats/value_head/value_head.ts";
import { tensorShapes } from "../../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import { decoderOf } from "../../../plugins/kinds/decoder_of.ts";
import { placed } from "../../../plugins/kinds/place.ts";
import type { Registry } from "../../../plugins/registry.ts";
import type { ExportConfig } from "../export_config.ts";
import { type MergedModel, mergedModel } from "./merged.ts";
import { languageNotes, splitNotes } from "./model_notes.ts";
import { type ExportText, exportText } from "./text.ts";

/** The model to export, opened; its remarks are printed once. */
export interface ExportSource extends MergedModel, ExportText {
  /** Folders of the adapters. */
  adapterFolders: readonly string[];
  /** Shapes by transformers' names, `lm_head.weight` not among them where tied. */
  shapes: ReadonlyMap<string, readonly number[]>;
  /** Shapes of tensors beside the decoder, such as a vision tower's; null of a text model. */
  beside: ReadonlyMap<string, readonly number[]> | null;
  /** Bytes of a reward model's value_head.safetensors; null: it isn't written. */
  valueHead: Uint8Array<ArrayBuffer> | null;
}

/** A reward model's value head as it lies there, once it is sure that it fits; null where none is asked for. @throws {RangeError} If there is none */
function valueHeadIn(
  folder: string,
  { hiddenSize }: Pick<DecoderConfig, "hiddenSize">,
  { stage }: Pick<ExportConfig, "stage">,
): Uint8Array<ArrayBuffer> | null {
  if (stage !== "rm") return null;
  if (readValueHead(folder, hiddenSize)) return Deno.readFileSync(join(folder, VALUE_HEAD_FILE));
  throw new RangeError(
    `Cannot write a reward model as ${folder} has no ${VALUE_HEAD_FILE}: name what a training of stage rm has written, or leave stage out`,
  );
}

/** A line for each value head that stays behind. @param folders The model's, and those of its adapters in turn */
function valueHeadNotes(folders: readonly string[], isWritten: boolean): string[] {
  const last = folders.at(-1);
  return folders.filter((folder) => exists(join(folder, VALUE_HEAD_FILE))).flatMap((folder) => {
    const told = `${VALUE_HEAD_FILE} of ${folder} isn't written`;
    if (folder !== last) return [`${told}: it was trained on the model without ${last}`];
    return isWritten ? [] : [`${told}: stage: rm writes it`];
  });
}

/**
 * Opens model and adapters and checks all of them; tensors of the model are read later, one by one.
 * @param hub Options for asking the hub for a model's id
 * @param placeOf Where a key was written
 * @throws {RangeError} If something is missing, foreign to the model or not supported; named with the key's place
 */
export async function openSource(
  config: ExportConfig,
  registry: Registry,
  hub: ResolveOptions,
  placeOf: (key: string) => string,
): Promise<ExportSource> {
  const { model_name_or_path: name, model_revision: revision, export_format: format } = config;
  const ofModel = placeOf("model_name_or_path"), ofAdapters = placeOf("adapter_name_or_path");
  const model = await placed(ofModel, () => openModel(name, { revision, ...hub }));
  try {
    const base = await placed(ofModel, () => decoderOf(registry, model));
    if (format === "safetensors") placed(ofModel, () => checkWhole(model, base.moduleRoot));
    const beside = besideShapes(model);
    await placed(ofModel, () => checkTensors(model.weights, tensorShapes(base), model.path));
    const adapterFolders = await placed(
      ofAdapters,
      () => resolveAdapters(config.adapter_name_or_path, { revision, ...hub }),
    );
    const merged = await placed(
      ofAdapters,
      () => mergedModel(model, base, { adapterFolders, format, beside }),
    );
    const headFolder = adapterFolders.at(-1) ?? model.path;
    const valueHead = placed(placeOf("stage"), () => valueHeadIn(headFolder, base, config));
    const text = exportText(config, { registry, model, adapterFolders, placeOf });
    return {
      ...merged,
      ...text,
      adapterFolders,
      shapes: tensorShapes(merged.decoder),
      beside,
      valueHead,
      notes: [
        ...valueHeadNotes([model.path, ...adapterFolders], valueHead !== null),
        ...text.notes,
        ...languageNotes(config, beside, model, text.chatTemplate),
        ...splitNotes(config, merged.decoder, text.tokenizer),
        ...merged.notes,
        ...adapterFolders.flatMap((path) => baseDifference(path, name) ?? []),
      ],
    };
  } catch (error) {
    model.weights.close();
    throw error;
  }
}
