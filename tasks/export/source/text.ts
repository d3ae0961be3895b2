/**
 * Tokenizer and chat template that an export writes: the template's, the adapter's or the model's.
 * @module
 */
import { join } from "@std/path";

import { exists } from "../../../formats/exists.ts";
import type { LoadedModel } from "../../../formats/hf_model/mod.ts";
import { type EditableTokenizer, loadTokenizerSync, type Tokenizer } from "../../../formats/tokenizer/mod.ts";
import { placed } from "../../../plugins/kinds/place.ts";
import { prepareTokenizer } from "../../../plugins/kinds/tokenizer/prepare_tokenizer.ts";
import type { Registry } from "../../../plugins/registry.ts";
import { templateSettings } from "../../train/config/template_settings.ts";
import type { ExportConfig } from "../export_config.ts";
import { namedTemplates, otherTemplates, unreadableTemplate } from "./template_notes.ts";

/** What an export writes beside weights. */
export interface ExportText {
  /** As it is written: the template's, the adapter's or the model's; null where the model's folder has none. */
  tokenizer: Tokenizer | null;
  /** Jinja text to write; null: there is none. */
  chatTemplate: string | null;
  /** Remarks on what is written otherwise, or not at all. */
  notes: string[];
}

interface Source {
  registry: Registry;
  model: LoadedModel;
  adapterFolders: readonly string[];
  placeOf: (key: string) => string;
}

/**
 * Chooses tokenizer and chat template.
 * @param source `placeOf`: where a key was written
 * @throws {RangeError} If the format needs a tokenizer and there is none, or the template doesn't go with the vocabulary
 */
export function exportText(config: ExportConfig, source: Source): ExportText {
  const { model, adapterFolders } = source;
  const trained = adapterFolders.findLast((path) => exists(join(path, "tokenizer.json")));
  if (config.template !== null) return ofTemplate(config.template, config, { ...source, trained });
  if (trained === undefined && !hasTokenizer(model)) return withoutTokenizer(config.export_format, model);
  const tokenizer = trained === undefined ? model.tokenizer : loadTokenizerSync(trained);
  const folder = trained ?? model.path;
  const others = trained === undefined && model.format === "gguf"
    ? namedTemplates(model, config.export_format)
    : otherTemplates(folder);
  const notes = [...others, ...unreadableTemplate(tokenizer, folder)];
  return { tokenizer, chatTemplate: tokenizer.chatTemplate, notes };
}

const TOKENIZER_NEED: Readonly<Record<ExportConfig["export_format"], string | null>> = {
  safetensors: null,
  "gguf-adapter": null,
  gguf: "the tokenizer is a part of the file",
  onnx: null,
};

function hasTokenizer({ format, path }: LoadedModel): boolean {
  return format === "gguf" || exists(join(path, "tokenizer.json"));
}

function withoutTokenizer(format: ExportConfig["export_format"], { path }: LoadedModel): ExportText {
  const need = TOKENIZER_NEED[format];
  if (need !== null) {
    throw new RangeError(`Cannot export as ${format} as ${need}: ${path} has no tokenizer.json`);
  }
  return { tokenizer: null, chatTemplate: null, notes: [`${path} has no tokenizer, so none is written`] };
}

function ofTemplate(
  name: string,
  config: ExportConfig,
  { registry, model, placeOf, trained }: Source & { trained: string | undefined },
): ExportText {
  return placed(placeOf("template"), () => {
    const known = Object.keys(registry.get("template", name).options.shape);
    const template = registry.create("template", name, templateSettings(config, known, placeOf));
    const { tokenizer, needed, notes } = prepareTokenizer(template, plainTokenizer(model, trained));
    if (needed.length > 0) {
      throw new RangeError(
        `Cannot use template ${name} with ${config.model_name_or_path} as the model's vocabulary lacks its tokens ` +
          `${needed.join(", ")}: name the template that the model was tuned with, or leave it out`,
      );
    }
    return {
      tokenizer,
      chatTemplate: template.trainedJinja?.(tokenizer) ?? tokenizer.chatTemplate,
      notes: notes.map((note) => `template ${name}: ${note}`),
    };
  });
}

/** The model's tokenizer for a template, with the tokens that an adapter's has further (`add_tokens`), whose rows are merged. */
function plainTokenizer(model: LoadedModel, trained: string | undefined): EditableTokenizer {
  const own = model.tokenizer as EditableTokenizer;
  const further = trained === undefined ? own : loadTokenizerSync(trained);
  return further.vocabSize > own.vocabSize ? further.withChatTemplate(own.chatTemplate) : own;
}
