/**
 * Checks of all templates before they encode: the order of roles is checked.
 * @module
 */
import type { Tokenizer } from "../../formats/tokenizer/tokenizer.ts";
import type { Message } from "../kinds/dataset.ts";
import type { EncodedTurn, Template, TurnOptions } from "../kinds/template.ts";
import { checkConversation, checkPrompt } from "./roles.ts";

/** Input of a template: tokenizer and conversation. */
export interface EncodeInput {
  /** Gives the ids. */
  tokenizer: Tokenizer;
  /** User (or tool) and assistant in turn. */
  messages: readonly Message[];
  /** "" for none. */
  system: string;
  /** Definitions as JSON text, "" for none. */
  tools: string;
  /** Variables of the model's own template as a JSON object. */
  variables?: string;
}

/** A template's encoder of a conversation whose roles are in order. */
export interface Encoders {
  /** A turn for each answer. */
  turns(conversation: EncodeInput, options: TurnOptions): EncodedTurn[];
  /** Everything up to the last answer, and that answer. */
  lastTurn(conversation: EncodeInput): EncodedTurn;
  /** Everything up to an answer that is to come. */
  prompt(conversation: EncodeInput): number[];
}

/** A template that refuses roles out of order, and encodes the others by the given function. */
export function checkedTemplate(
  template: Omit<Template, "encodeTurns" | "encodeOneTurn" | "encodePrompt">,
  encoders: Encoders,
): Template {
  return {
    ...template,
    encodeTurns(tokenizer, messages, system, tools, options = {}) {
      checkConversation(messages, template.name);
      return encoders.turns({ tokenizer, messages, system, tools, ...options }, options);
    },
    encodeOneTurn(tokenizer, messages, system, tools, options = {}) {
      checkConversation(messages, template.name);
      return [encoders.lastTurn({ tokenizer, messages, system, tools, ...options })];
    },
    encodePrompt(tokenizer, messages, system, tools) {
      checkPrompt(messages, template.name);
      return encoders.prompt({ tokenizer, messages, system, tools });
    },
  };
}
