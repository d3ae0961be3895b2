/**
 * A named template beside the model's own chat template.
 * @module
 */
import type { EditableTokenizer, Tokenizer } from "../../../formats/tokenizer/tokenizer.ts";
import type { Message } from "../dataset.ts";
import { prepareTokenizer } from "./prepare_tokenizer.ts";
import type { Template } from "../template.ts";

const QUESTION: Message = { role: "user", content: "Name a colour." };
const ANSWER: Message = { role: "assistant", content: "Teal." };
const MORE: Message = { role: "user", content: "Another one?" };
const LAST: Message = { role: "assistant", content: "Rust." };

interface Probe {
  what: string;
  messages: readonly Message[];
  system: string;
}

const PROBES: readonly Probe[] = [
  { what: "one question", messages: [QUESTION, ANSWER], system: "" },
  { what: "a system text", messages: [QUESTION, ANSWER], system: "Be brief." },
  { what: "two questions", messages: [QUESTION, ANSWER, MORE, LAST], system: "" },
];

/**
 * Encodes probe conversations by two templates.
 *
 * @param template A named one
 * @param own Template `auto`, with those options of the named one that it understands
 * @param tokenizer As the model has it, not prepared yet (preparing may replace its chat template)
 * @returns null if all ids are equal, the model has no template, or both are `auto`; else a text for a warning that shows, for
 * the first conversation that differs, where
 */
export function compareTemplates(
  template: Template,
  own: Template,
  tokenizer: EditableTokenizer,
): string | null {
  if (tokenizer.chatTemplate === null || template.name === own.name) return null;
  const ready = prepareTokenizer(template, tokenizer).tokenizer.withChatTemplate(tokenizer.chatTemplate);
  for (const { what, messages, system } of PROBES) {
    const prompt = (one: Template) =>
      one.encodePrompt(ready, { messages: messages.slice(0, -1), system, tools: "" });
    const whole = (one: Template) => {
      const turns = one.encodeOneTurn?.(ready, { messages, system, tools: "" }) ??
        one.encodeTurns(ready, { messages, system, tools: "" });
      return turns.flatMap((turn) => [...turn.source, ...turn.target]);
    };
    let model: number[], answered: number[] | null;
    try {
      model = prompt(own);
    } catch (error) {
      // many templates refuse a system text; a conversation without is still compared
      if (system !== "") continue;
      return `The model's own chat template can't be compared with template ${template.name}: ${
        (error as Error).message
      }`;
    }
    try {
      answered = whole(own);
    } catch {
      // where answers have no clear end, prompts have to do
      answered = null;
    }
    const difference = diff(prompt(template), model, ready) ??
      (answered === null ? null : diff(whole(template), answered, ready));
    if (difference !== null) {
      return `Template ${template.name} and the model's own chat template differ for ${what}:\n` +
        `  ${template.name}: ${difference[0]}\n  model: ${" ".repeat(Math.max(0, template.name.length - 5))}${
          difference[1]
        }\n` +
        "Take `template: auto` if the model was tuned before, with its own template";
    }
  }
  return null;
}

/** The texts around the first id that differs. */
function diff(a: readonly number[], b: readonly number[], tokenizer: Tokenizer): [string, string] | null {
  let first = 0;
  while (first < a.length && a[first] === b[first]) first++;
  if (first === a.length && first === b.length) return null;
  const show = (ids: readonly number[]) =>
    (first > 8 ? "…" : "") +
    JSON.stringify(tokenizer.decode(ids.slice(Math.max(0, first - 8), first))) + " >> " +
    JSON.stringify(tokenizer.decode(ids.slice(first, first + 24))) + (ids.length > first + 24 ? "…" : "");
  return [show(a), show(b)];
}
