/**
 * Cuts prompts, with or without their end.
 * @module
 */
import { item } from "../../../../formats/elements.ts";
import type { Tokenizer } from "../../../../formats/tokenizer/tokenizer.ts";
import type { Template } from "../../../../plugins/kinds/template.ts";

/** The first `length` tokens of a prompt; with `keep_template` its end (the assistant header) is kept. null: no room. */
export function shorten(
  source: number[],
  length: number,
  { template, tokenizer, options }: {
    template: Template;
    tokenizer: Tokenizer;
    options: { truncation: string };
  },
): number[] | null {
  if (length >= source.length) return source;
  if (options.truncation !== "keep_template") return source.slice(0, length);
  const tail = Math.min(headerLength(template, tokenizer), source.length);
  if (length <= tail) return null;
  return [...source.slice(0, length - tail), ...source.slice(source.length - tail)];
}

const headers = new WeakMap<Template, WeakMap<Tokenizer, number>>();

/** Tokens behind a user's text up to the answer: what prompts that end differently have in common at their end. */
function headerLength(template: Template, tokenizer: Tokenizer): number {
  let known = headers.get(template);
  if (!known) headers.set(template, known = new WeakMap());
  let length = known.get(tokenizer);
  if (length === undefined) {
    const prompts = ["a", "b", "1", ".", "\n", "。"].map((content) =>
      template.encodeTurns(
        tokenizer,
        { messages: [{ role: "user", content }, { role: "assistant", content: "a" }], system: "", tools: "" },
      )[0]!.source
    );
    const shortest = Math.min(...prompts.map((ids) => ids.length));
    length = 0;
    while (
      length < shortest && prompts.every((ids) => ids.at(-1 - length!) === item(prompts, 0).at(-1 - length!))
    ) length++;
    known.set(tokenizer, length);
  }
  return length;
}
