/**
 * Changes of a tokenizer by a template before anything is encoded: eos, padding, stop words, chat template.
 * @module
 */
import type { EditableTokenizer } from "../../../formats/tokenizer/tokenizer.ts";
import type { Template } from "../template.ts";

/** A tokenizer made ready. */
export interface PreparedTokenizer {
  /** Ready for the template. */
  tokenizer: EditableTokenizer;
  /** Tokens added behind the vocabulary: the model has no row for them. */
  added: string[];
  /** Those of them that the template writes into conversations, so that it can't be used with this model. */
  needed: string[];
  /** Changes, one sentence each, for the start of a run. */
  notes: string[];
}

/**
 * Makes a tokenizer ready for a template, as LLaMA-Factory does: the first stop word becomes eos where the template says so,
 * a missing eos is `<|endoftext|>`, a missing padding token is eos, other stop words become special tokens, and the
 * template's Jinja text is taken where the tokenizer has none or the template replaces it.
 */
export function prepareTokenizer(template: Template, tokenizer: EditableTokenizer): PreparedTokenizer {
  const added: string[] = [], notes: string[] = [];
  let ready = tokenizer;
  const special = (tokens: readonly string[]) => {
    added.push(...tokens.filter((token) => ready.tokenToId(token) === null));
    ready = ready.withSpecialTokens(tokens);
  };
  const eos = (token: string) => {
    if (ready.eosId !== null && ready.idToToken(ready.eosId) === token) return;
    notes.push(
      ready.eosId === null ? `eos is ${token}` : `eos is ${token} instead of ${ready.idToToken(ready.eosId)}`,
    );
    special([token]);
    ready = ready.withEos(token);
  };
  const [first, ...others] = template.stopWords;
  if (template.replaceEos && first !== undefined) eos(first);
  if (ready.eosId === null) eos("<|endoftext|>");
  if (ready.padId === null) {
    const token = ready.idToToken(ready.eosId!)!;
    notes.push(`padding token is ${token}`);
    ready = ready.withPad(token);
  }
  const stops = template.replaceEos ? others : template.stopWords;
  if (stops.length > 0) special(stops);
  if (added.length > 0) {
    notes.push(
      `${
        added.join(", ")
      } added behind the vocabulary: the model has no embedding for it, so check that the template fits the model`,
    );
  }
  const written = added.length === 0 ? new Set<number>() : probe(template, ready);
  const needed = added.filter((token) => written.has(ready.tokenToId(token)!));
  const jinja = template.chatTemplate ?? template.jinja?.(ready) ?? null;
  if (jinja !== null && (ready.chatTemplate === null || template.replaceJinja === true)) {
    ready = ready.withChatTemplate(jinja);
  }
  return { tokenizer: ready, added, needed, notes };
}

/** All ids of a short conversation. */
function probe(template: Template, tokenizer: EditableTokenizer): Set<number> {
  const turns = template.encodeTurns(
    tokenizer,
    {
      messages: [{ role: "user", content: "a" }, { role: "assistant", content: "b" }],
      system: "c",
      tools: "",
    },
  );
  return new Set(turns.flatMap((turn) => [...turn.source, ...turn.target]));
}
