/**
 * The token that an answer ends in, beside those at which a model stops.
 * @module
 */
import type { Tokenizer } from "../../../formats/tokenizer/tokenizer.ts";
import type { Template } from "../template.ts";

/**
 * Encodes a short conversation and looks at how its answer ends. A model that is tuned on answers without the end token keeps
 * writing after each answer.
 *
 * @param tokenizer As the template wants it
 * @returns null if all is well; else a text for a warning, with the ids and the way out
 */
export function endTokenFault(template: Template, tokenizer: Tokenizer): string | null {
  const answer = "Teal.";
  let ids: number[];
  try {
    const turns = template.encodeTurns(
      tokenizer,
      {
        messages: [{ role: "user", content: "Name a colour." }, { role: "assistant", content: answer }],
        system: "",
        tools: "",
      },
    );
    ids = turns.at(-1)!.target;
  } catch {
    // what a template has against a conversation is reported when the data are encoded
    return null;
  }
  if (template.efficientEos === true && tokenizer.eosId !== null) return null;
  const ends = [tokenizer.eosId, ...template.stopWords.map((word) => tokenizer.tokenToId(word))];
  const last = ids.findLast((id) => tokenizer.idToToken(id) !== null && tokenizer.decode([id]).trim() !== "");
  if (last !== undefined && ends.includes(last)) return null;
  const text = tokenizer.decode(ids);
  const place = text.indexOf(answer);
  const tail = place < 0 ? text : text.slice(place + answer.length);
  const end = tokenizer.eosId === null ? null : tokenizer.idToToken(tokenizer.eosId);
  const shown = ids.slice(-6).map((id) => `${id} ${JSON.stringify(tokenizer.idToToken(id) ?? "")}`).join(
    ", ",
  );
  const isSpelled = end !== null && tail.trim().endsWith(end);
  const why = isSpelled
    ? `it writes ${JSON.stringify(end)} as text, which this tokenizer takes apart behind other text`
    : tail.trim() === ""
    ? "nothing stands behind the answer"
    : `behind the answer stands ${JSON.stringify(tail)}`;
  const way = isSpelled
    ? `set "normalized": false for ${
      JSON.stringify(end)
    } in the added_tokens of tokenizer.json, or name a template, such as ` +
      "`template: llama2`, which writes the token itself"
    : "name the template that the model was made for, which ends answers in its end token";
  return `Answers of template ${template.name} don't end in the end token ${
    JSON.stringify(end)
  } (${tokenizer.eosId}): ${why}; the last ` +
    `ids are ${shown}. A model tuned so never stops by itself: ${way}`;
}
