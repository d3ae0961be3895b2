/**
 * Parts of rows that the template doesn't write: counted, so that a thought or a tool call that isn't learnt is reported.
 * @module
 */
import type { Example, Message } from "../../../../plugins/kinds/dataset.ts";
import { MESSAGE_PARTS, type MessagePart, type Template } from "../../../../plugins/kinds/template.ts";
import { parsePyJson, type PyJson } from "../../../../formats/python_json.ts";
import type { Tokenizer } from "../../../../formats/tokenizer/tokenizer.ts";

/** Counts rows by the parts of them that aren't written. */
export class UnwrittenParts {
  readonly #template: string;
  readonly #ignored: readonly MessagePart[];
  readonly #counts = new Map<MessagePart, number>();
  readonly #readsVariable: (name: string) => boolean;
  readonly #variables = new Map<string, number>();

  /** @param template null: there are no conversations. */
  constructor(template: Template | null, tokenizer: Tokenizer) {
    this.#template = template?.name ?? "";
    this.#ignored = template?.ignores?.(tokenizer) ?? [];
    this.#readsVariable = (name) => template?.readsVariable?.(tokenizer, name) === true;
  }

  /** Looks at one row that is used. */
  see(example: Example): void {
    this.#seeVariables(example);
    if (this.#ignored.length === 0) return;
    const has = partsOf(example);
    for (const part of this.#ignored) {
      if (has.has(part)) this.#counts.set(part, (this.#counts.get(part) ?? 0) + 1);
    }
  }

  #seeVariables({ variables }: Example): void {
    if (variables === undefined) return;
    for (const [name, value] of parsePyJson(variables) as Map<string, PyJson>) {
      if (value === null || this.#readsVariable(name)) continue;
      this.#variables.set(name, (this.#variables.get(name) ?? 0) + 1);
    }
  }

  /** One note a part, and one a variable. */
  notes(): string[] {
    return [...this.#partNotes(), ...this.#variableNotes()];
  }

  #variableNotes(): string[] {
    return [...this.#variables].map(([name, count]) =>
      `${count.toLocaleString("en-US")} row${
        count === 1 ? " has" : "s have"
      } chat_template_kwargs.${name}, which ` +
      (this.#template === "auto"
        ? "the model's own chat template doesn't name: check its spelling, or take it out of the rows"
        : `template ${this.#template} doesn't read: write template: auto for the model's own chat template, or take it out of the rows`)
    );
  }

  #partNotes(): string[] {
    return MESSAGE_PARTS.filter((part) => this.#counts.has(part)).map((part) => {
      const count = this.#counts.get(part)!;
      return `${count.toLocaleString("en-US")} row${
        count === 1 ? " has" : "s have"
      } ${part} that aren't learnt: ` +
        `the model's own chat template (template: ${this.#template}) doesn't write them. Name a template that does, such as ` +
        `${part === "thoughts" ? "`template: qwen3`" : "`template: qwen`"}, or take them out of the rows`;
    });
  }
}

function partsOf({ prompts, answers, tools }: Example): Set<MessagePart> {
  const has = new Set<MessagePart>();
  const look = ({ role, said, thought }: Message) => {
    if (thought !== undefined) has.add("thoughts");
    if (role === "function") has.add("tool calls");
    if (said !== undefined) has.add("words beside tool calls");
  };
  for (const message of [...Object.values(prompts).flat(), ...Object.values(answers)]) look(message);
  if (tools !== "") has.add("tools");
  return has;
}
