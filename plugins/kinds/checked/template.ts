/**
 * Checks of what a template of one's own gives.
 * @module
 */
import type { z } from "zod";

import { counted } from "../../../formats/counted.ts";
import { MESSAGE_PARTS, type Template } from "../template.ts";
import { onlyFields, productFields } from "./fields_only.ts";
import { frozenCopy } from "./frozen.ts";
import { type Maker, replacing } from "./maker.ts";
import {
  aFunction,
  anyText,
  flag,
  functionOrNothing,
  listOf,
  needed,
  oneOfNames,
  orNothing,
} from "./schemas.ts";

const ids = needed(
  "a list of token ids (whole numbers >= 0)",
  (v) => Array.isArray(v) && v.every((id) => Number.isInteger(id) && id >= 0),
);
const encoded = listOf(onlyFields({ source: ids, target: ids }), "a list of turns {source, target}");
const textOrNull = needed("a text, or null,", (v) => v === null || typeof v === "string");

const made = productFields({
  name: anyText,
  stopWords: listOf(anyText),
  replaceEos: flag,
  defaultSystem: anyText,
  encodeTurns: aFunction,
  encodePrompt: aFunction,
}, {
  endOfText: orNothing(anyText),
  chatTemplate: orNothing(anyText),
  efficientEos: orNothing(flag),
  replaceJinja: orNothing(flag),
  encodeOneTurn: functionOrNothing,
  encodeChat: functionOrNothing,
  jinja: functionOrNothing,
  trainedJinja: functionOrNothing,
  ignores: functionOrNothing,
  readsVariable: functionOrNothing,
});

/** A template: its turns and prompts are token ids. What it objects to in a record stays as it is: it is a reason to drop the row. */
export function checkedTemplateProduct(template: Template, maker: Maker): Template {
  maker.checkMade(template, made);
  const { encodeOneTurn, encodeChat, jinja, trainedJinja, ignores, readsVariable } = template;
  const idsOf = <T>(where: string, schema: z.ZodType, encode: () => T): T => {
    const found = maker.objecting(encode);
    maker.check(where, found, schema);
    return found;
  };
  return replacing(template, {
    encodeTurns(tokenizer, conversation, ...options) {
      const found = idsOf(
        "encodeTurns()",
        encoded,
        () => template.encodeTurns(tokenizer, frozenCopy(conversation), ...options),
      );
      // which answers are learnt is told by their turns' numbers
      if (2 * found.length !== conversation.messages.length) {
        maker.refuse(
          `Cannot use encodeTurns() of ${conversation.messages.length} messages as a turn for every two of them is needed: current value is ${
            counted(found.length, "turn")
          }`,
        );
      }
      return found;
    },
    encodeOneTurn: encodeOneTurn &&
      ((tokenizer, conversation) =>
        idsOf(
          "encodeOneTurn()",
          encoded,
          () => encodeOneTurn.call(template, tokenizer, frozenCopy(conversation)),
        )),
    encodePrompt: (tokenizer, conversation) =>
      idsOf("encodePrompt()", ids, () => template.encodePrompt(tokenizer, frozenCopy(conversation))),
    encodeChat: encodeChat &&
      ((tokenizer, chat) =>
        idsOf("encodeChat()", ids, () => encodeChat.call(template, tokenizer, frozenCopy(chat)))),
    jinja: jinja &&
      ((tokenizer) => maker.checked("jinja()", textOrNull, () => jinja.call(template, tokenizer))),
    trainedJinja: trainedJinja &&
      ((tokenizer) =>
        maker.checked("trainedJinja()", textOrNull, () => trainedJinja.call(template, tokenizer))),
    ignores: ignores &&
      ((tokenizer) =>
        maker.checked(
          "ignores()",
          listOf(oneOfNames(...MESSAGE_PARTS)),
          () => ignores.call(template, tokenizer),
        )),
    readsVariable: readsVariable &&
      ((tokenizer, name) =>
        maker.checked("readsVariable()", flag, () => readsVariable.call(template, tokenizer, name))),
  });
}
