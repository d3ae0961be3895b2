/**
 * Options that all templates share, under the names of LLaMA-Factory's keys.
 * @module
 */
import type { OptionsSchema } from "../kinds/plugin.ts";
import { z } from "zod";

import { TOOL_FORMATS, type ToolFormatName } from "./tool_formats.ts";

const Options = z.strictObject({
  default_system: z.string().nullable().default(null).describe(
    "system text of examples that have none; null for the template's own, empty for none",
  ),
  tool_format: z.enum(TOOL_FORMATS).nullable().default(null).describe(
    "tool syntax instead of the template's own; answers that call tools then end by eos, as in LLaMA-Factory",
  ),
  enable_thinking: z.boolean().nullable().default(true).describe(
    "reasoning templates: an answer without a thought gets an empty one, learnt (true) or in the prompt (false, null); false also " +
      "takes thoughts out of the data",
  ),
  preserve_thinking: z.boolean().default(false).describe(
    "reasoning templates: keep the thoughts of earlier answers in preference data, prompts, and with mask_history",
  ),
  split_special_tokens: z.boolean().default(true).describe(
    "special-token text in the data stays text; false makes it special tokens, which is LLaMA-Factory's default",
  ),
  date: z.string().default("26 Jul 2024").describe(
    "today's date in tool descriptions of llama3 and in models' own templates that name it",
  ),
});

/** Schema with defaults and descriptions; its options are {@linkcode TemplateOptions}. */
export const templateOptions: OptionsSchema<TemplateOptions> = Options;

/** Validated options; the schema's descriptions say what they mean. */
export interface TemplateOptions {
  /** null: the template's own. */
  default_system: string | null;
  /** null: the template's own. */
  tool_format: ToolFormatName | null;
  /** Reasoning templates only. */
  enable_thinking: boolean | null;
  /** Reasoning templates only. */
  preserve_thinking: boolean;
  /** false: as LLaMA-Factory's default. */
  split_special_tokens: boolean;
  /** Such as "26 Jul 2024". */
  date: string;
}
