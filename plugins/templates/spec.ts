/**
 * Templates as data: the texts around a message, and a few switches. Meanings and defaults are those of LLaMA-Factory 0.9.5
 * (src/llamafactory/data/template.py, `register_template`).
 * @module
 */
import type { ToolFormatName } from "./tool_formats.ts";

/** A text, in which the first `{{content}}` stands for the message, or a single token. Each slot is tokenised on its own. */
export type Slot = string | { token: "bos" | "eos" };

/** Stands for the tokenizer's beginning of text; nothing where it has none. */
export const BOS: Slot = Object.freeze({ token: "bos" });

/** Stands for the tokenizer's end of text. */
export const EOS: Slot = Object.freeze({ token: "eos" });

/** A template as data. */
export interface TemplateSpec {
  /** As in YAML. */
  name: string;
  /** One sentence: which models use it. */
  description: string;
  /** In front of the first message. Default none. */
  prefix?: readonly Slot[];
  /** The system text. Default the text alone. */
  system?: readonly Slot[];
  /** A user's message with the assistant's header behind it. Default the text alone. */
  user?: readonly Slot[];
  /** An answer with its end. Default the text and eos, without eos for `efficientEos`. */
  assistant?: readonly Slot[];
  /** An answer that calls tools. Default `assistant`. */
  call?: readonly Slot[];
  /** The result of a call. Default `user`. */
  tool?: readonly Slot[];
  /** Format of tools and their calls. Default "default". */
  tools?: ToolFormatName;
  /** Texts around the row's own JSON of tools, which describe them in place of the format's words (Phi-4-mini). Default none. */
  aroundTools?: readonly [string, string];
  /** Default "". */
  defaultSystem?: string;
  /** Default none. */
  stopWords?: readonly string[];
  /** Default false. */
  efficientEos?: boolean;
  /** Default false. */
  replaceEos?: boolean;
  /** Default false. */
  replaceJinja?: boolean;
  /** The token that ends a text of stage pt, where the model has it. Default eos. */
  endOfText?: string;
  /** The system text goes into the first user message, not in front of it. Default false. */
  systemInUser?: boolean;
  /** Opening and closing text of a thought; answers without one get an empty one. Default: no reasoning template. */
  thought?: readonly [string, string];
}

/** The usual marks of a thought. */
export const THOUGHT: readonly [string, string] = Object.freeze(["<think>\n", "\n</think>\n\n"] as const);
