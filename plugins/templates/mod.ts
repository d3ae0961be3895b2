/**
 * Chat templates, by name and from the model's own files.
 * @module
 */
import type { Plugin } from "../kinds/plugin.ts";
import { auto } from "./auto.ts";
import { chatmlFamily } from "./chatml_family.ts";
import { templatePlugin } from "./from_spec.ts";
import { llamaFamily } from "./llama_family.ts";
import { otherFamilies } from "./other_families.ts";

export { templatePlugin } from "./from_spec.ts";
export { type TemplateOptions, templateOptions } from "./options.ts";
export { BOS, EOS, type Slot, type TemplateSpec } from "./spec.ts";
export type {
  AskedChat,
  EncodedTurn,
  PyJson,
  PyNumber,
  Template,
  TemplateConversation,
  TurnOptions,
} from "../kinds/template.ts";
export { TOOL_FORMATS, type ToolFormatName } from "./tool_formats.ts";

/** The built-in templates. */
export const templates: readonly Plugin[] = Object.freeze([
  auto,
  ...[...chatmlFamily, ...llamaFamily, ...otherFamilies].map(templatePlugin),
]) as readonly Plugin[];
