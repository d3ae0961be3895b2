/**
 * Texts of answers in which some special tokens are shown: tags around thoughts and calls of tools mean something, the end of a
 * turn doesn't.
 * @module
 */
import type { Tokenizer } from "../../../formats/tokenizer/mod.ts";
import type { ThoughtTags } from "../../kinds/endpoint.ts";

/** Those of the texts that are special tokens of the tokenizer, by id; others are text in any case. */
export function specialOf(tokenizer: Tokenizer, texts: readonly string[]): Map<number, string> {
  return new Map(
    texts.map((text) => [tokenizer.tokenToId(text), text] as const)
      .filter((pair): pair is [number, string] => pair[0] !== null && tokenizer.specialIds.has(pair[0])),
  );
}

/** Text of ids without special tokens, save those shown. */
export function decodeShowing(
  tokenizer: Tokenizer,
  ids: readonly number[],
  shown: ReadonlyMap<number, string>,
): string {
  let whole = "", from = 0;
  for (const [i, id] of [...ids, null].entries()) {
    const text = id === null ? undefined : shown.get(id);
    if (text === undefined && id !== null) continue;
    if (i > from) whole += tokenizer.decode(ids.slice(from, i), { skipSpecial: true });
    whole += text ?? "";
    from = i + 1;
  }
  return whole;
}

/** The tags whose opening one ends the prompt, because the chat template begins the thought. */
export function openedBy(
  prompt: readonly number[],
  tokenizer: Tokenizer,
  tags: readonly ThoughtTags[],
): ThoughtTags | undefined {
  const end = tokenizer.decode(prompt.slice(-24)).trimEnd();
  return tags.find(([open]) => end.endsWith(open));
}
