/**
 * Checks of what a template of one's own gives.
 * @module
 */
import { counted } from "../../../formats/counted.ts";
import { MESSAGE_PARTS, type Template } from "../template.ts";
import { onlyFields, productFields } from "./fields_only.ts";
import { frozenCopy } from "./frozen.ts";
import {
  aFunction,
  anyText,
  flag,
  functionOrNothing,
  listOf,
  type Maker,
  needed,
  oneOfNames,
  orNothing,
  replacing,
} from "./maker.ts";

const ids = needed(
  "a list of token ids (whole numbers >= 0)",
  (v) => Array.isArray(v) && v.every((id) => Number.isInteger(id) && id >= 0),
);
const encoded = listOf(onlyFields({ source: ids, target: ids }), "a list of turns {source, target}");
const textOrNull = needed("a text, or null,", (v) => v === null || typeof v === "string");

/** A template: its turns and prompts are token ids. What it objects to in a record stays as it is: it is a reason to drop the row. */
export function checkedTemplateProduct(template: Template, maker: Maker): Template {
  maker.checkMade(
    template,
    productFields({
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
    }),
  );
  const { encodeOneTurn, encodeChat, jinja, trainedJinja, ignores, readsVariable } = template;
  return replacing(template, {
    encodeTurns(tokenizer, conversation, ...options) {
      const found = maker.objecting(() =>
        template.encodeTurns(tokenizer, frozenCopy(conversation), ...options)
      );
      maker.check("encodeTurns()", found, encoded);
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
    encodeOneTurn: encodeOneTurn && ((tokenizer, conversation) => {
      const found = maker.objecting(() => encodeOneTurn.call(template, tokenizer, frozenCopy(conversation)));
      maker.check("encodeOneTurn()", found, encoded);
      return found;
    }),
    encodePrompt(tokenizer, conversation) {
      const found = maker.objecting(() => template.encodePrompt(tokenizer, frozenCopy(conversation)));
      maker.check("encodePrompt()", found, ids);
      return found;
    },
    encodeChat: encodeChat && ((tokenizer, chat) => {
      const found = maker.objecting(() => encodeChat.call(template, tokenizer, frozenCopy(chat)));
      maker.check("encodeChat()", found, ids);
      return found;
    }),
    jinja: jinja && ((tokenizer) => {
      const found = maker.run(() => jinja.call(template, tokenizer));
      maker.check("jinja()", found, textOrNull);
      return found;
    }),
    trainedJinja: trainedJinja && ((tokenizer) => {
      const found = maker.run(() => trainedJinja.call(template, tokenizer));
      maker.check("trainedJinja()", found, textOrNull);
      return found;
    }),
    ignores: ignores && ((tokenizer) => {
      const found = maker.run(() => ignores.call(template, tokenizer));
      maker.check("ignores()", found, listOf(oneOfNames(...MESSAGE_PARTS)));
      return found;
    }),
    readsVariable: readsVariable && ((tokenizer, name) => {
      const found = maker.run(() => readsVariable.call(template, tokenizer, name));
      maker.check("readsVariable()", found, flag);
      return found;
    }),
  });
}
