/**
 * What encoding takes and gives: an example becomes sequences of parts, runs of ids that are learnt or not, or a reason why it gives none.
 * @module
 */
import type { Tokenizer } from "../../../../formats/tokenizer/tokenizer.ts";
import type { Example, Message } from "../../../../plugins/kinds/dataset.ts";
import type { Loss } from "../../../../plugins/kinds/loss.ts";
import type { Template, TemplateConversation } from "../../../../plugins/kinds/template.ts";
import type { EncodeOptions } from "./encode_options.ts";
import type { Part } from "./parts.ts";

/** An example as parts, sequence by sequence. */
export interface EncodedParts {
  /** In the order of the loss. */
  sequences: { name: string; parts: Part[] }[];
  /** Tokens and turns that were cut off. */
  cut: Cut;
}

/** Tokens that were cut off one example. */
export interface Cut {
  /** Tokens off prompts. */
  prompt: number;
  /** Tokens off answers. */
  answer: number;
  /** Whole turns left out. */
  turns: number;
}

/** Why an example gives nothing to learn from; the same words for the same reason. */
export interface NotEncoded {
  /** Short, without text of the record. */
  reason: string;
  /** The template's own words, with text of the record. */
  objection?: string;
}

/** Inputs of encoding beside the examples. */
export interface EncodeContext<T = Template | null> {
  /** Of the loss. */
  sequences: Loss["sequences"];
  /** null: stage pt without one. */
  template: T;
  /** As the template wants it. */
  tokenizer: Tokenizer;
  /** Rules of cutting, and of what is learnt. */
  options: EncodeOptions;
}

/** Messages of an example with what it says beside them. */
export function conversationOf(
  { system, tools, variables }: Example,
  messages: readonly Message[],
): TemplateConversation {
  return { messages, system, tools, ...(variables !== undefined && { variables }) };
}
