/**
 * Checks of all templates before they encode: the order of roles is checked.
 * @module
 */
import type { Tokenizer } from "../../formats/tokenizer/tokenizer.ts";
import type { EncodedTurn, Template, TemplateConversation, TurnOptions } from "../kinds/template.ts";
import { checkConversation, checkPrompt } from "./roles.ts";

/** Input of a template: tokenizer and conversation. */
export interface EncodeInput extends TemplateConversation {
  /** Gives the ids. */
  tokenizer: Tokenizer;
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
    encodeTurns(tokenizer, conversation, options = {}) {
      checkConversation(conversation.messages, template.name);
      return encoders.turns({ tokenizer, ...conversation }, options);
    },
    encodeOneTurn(tokenizer, conversation) {
      checkConversation(conversation.messages, template.name);
      return [encoders.lastTurn({ tokenizer, ...conversation })];
    },
    encodePrompt(tokenizer, conversation) {
      checkPrompt(conversation.messages, template.name);
      return encoders.prompt({ tokenizer, ...conversation });
    },
  };
}
