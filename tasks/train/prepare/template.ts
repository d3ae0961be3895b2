/**
 * The template of a run, and the model's tokenizer as it wants it.
 * @module
 */
import type { EditableTokenizer } from "../../../formats/tokenizer/tokenizer.ts";
import { compareTemplates } from "../../../plugins/kinds/tokenizer/compare_templates.ts";
import { endTokenFault } from "../../../plugins/kinds/tokenizer/end_token.ts";
import { placed } from "../../../plugins/kinds/place.ts";
import { prepareTokenizer } from "../../../plugins/kinds/tokenizer/prepare_tokenizer.ts";
import type { Template } from "../../../plugins/kinds/template.ts";
import type { Registry } from "../../../plugins/registry.ts";
import type { TrainConfig } from "../config/mod.ts";
import { type TemplateSettings, templateSettings } from "../config/template_settings.ts";
import type { UsedPlugins } from "./used_plugins.ts";

/**
 * Makes the template; null without one.
 * @throws {RangeError} If there is none of that name, or it lacks an option that is set
 */
export function prepareTemplate(
  config: TemplateSettings,
  plugins: UsedPlugins,
  placeOf: (key: string) => string,
): Template | null {
  const { template: name } = config;
  if (name === null) return null;
  return placed(placeOf("template"), () => {
    const known = Object.keys(plugins.registry.get("template", name).options.shape);
    const settings = templateSettings(config, known, placeOf);
    return plugins.use("template", name, settings, () => placeOf("template_options"));
  });
}

/**
 * The tokenizer with the template's tokens, and what is to be said of them.
 * @throws {RangeError} If the vocabulary lacks one of them
 */
export function templateTokenizer(
  { model_name_or_path, resizes }: Pick<TrainConfig, "model_name_or_path"> & { resizes: boolean },
  template: Template | null,
  plain: EditableTokenizer,
): { tokenizer: EditableTokenizer; notes: string[] } {
  if (template === null) return { tokenizer: plain, notes: [] };
  const { tokenizer, needed, notes } = prepareTokenizer(template, plain);
  if (needed.length > 0 && !resizes) {
    throw new RangeError(
      `Cannot use template ${template.name} with ${model_name_or_path} as the model's vocabulary lacks its tokens ` +
        `${
          needed.join(", ")
        }: name the template that the model was made for, auto for its own, or set resize_vocab: true to train their rows`,
    );
  }
  return { tokenizer, notes: notes.map((note) => `template ${template.name}: ${note}`) };
}

/** What is to be said of a template that isn't the tokenizer's own, or whose end the model wasn't trained with. */
export function trainedTemplateNotes(
  template: Template,
  registry: Registry,
  { default_system, enable_thinking }: TemplateSettings,
  { plain, tokenizer }: { plain: EditableTokenizer; tokenizer: EditableTokenizer },
): string[] {
  const own = registry.create("template", "auto", { default_system, enable_thinking });
  return [compareTemplates(template, own, plain), endTokenFault(template, tokenizer)]
    .filter((note) => note !== null);
}
