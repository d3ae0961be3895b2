/**
 * Log-probabilities as OpenAI's clients read them.
 * @module
 */
import { CHAR_TO_BYTE } from "../../../formats/tokenizer/bytes.ts";
import type { Tokenizer } from "../../../formats/tokenizer/mod.ts";
import type {
  PromptTokenLogprobs,
  TokenLogprob,
  TokenLogprobs,
} from "../../../kernels/engine/generate/generator.ts";

/** A token as a chat's `logprobs` tell it. */
export interface ChatToken {
  /** Its text; its bytes (`\\xf0\\x9f`) where it is a part of a character, as OpenAI writes it. */
  token: string;
  /** Log-probability in nats, ≤ 0. */
  logprob: number;
  /** Its bytes in UTF-8. */
  bytes: number[];
}

/** Entry of a chat's `logprobs.content`. */
export interface ChatLogprob extends ChatToken {
  /** Best first. */
  top_logprobs: ChatToken[];
}

/** A token of a chat's answer. */
export function chatLogprob(tokenizer: Tokenizer, { id, logprob, top }: TokenLogprobs): ChatLogprob {
  const token = (each: TokenLogprob): ChatToken => {
    const { text, bytes } = tokenText(tokenizer, each.id);
    return { token: escaped(text, bytes) ?? text, logprob: each.logprob, bytes };
  };
  return { ...token({ id, logprob }), top_logprobs: top.map(token) };
}

/** The older form, of text completions: lists that run beside each other. */
export interface TextLogprobs {
  /** Texts of the tokens. */
  tokens: string[];
  /** Log-probability in nats, ≤ 0; null of a prompt's first token. */
  token_logprobs: (number | null)[];
  /** The best tokens of each place; null of a prompt's first token. */
  top_logprobs: (Record<string, number> | null)[];
  /** Where each token begins in the text, in characters. */
  text_offset: number[];
}

/** A token whose log-probability may be unknown: a prompt's first one follows nothing. */
export type LogprobOrNone = Omit<TokenLogprobs, "logprob"> & { logprob: number | null };

/**
 * Tokens of a text's continuation.
 * @param place.offset Characters in front of the first one
 * @param place.text Text that a prompt was given as: special tokens that stand in it are a part of it
 */
export function textLogprobs(
  tokenizer: Tokenizer,
  list: readonly LogprobOrNone[],
  { text = "", offset }: { text?: string; offset: number },
): TextLogprobs {
  const found: TextLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
  let place = offset;
  for (const { id, logprob, top } of list) {
    const name = nameOf(tokenizer, id);
    found.tokens.push(name);
    found.token_logprobs.push(logprob);
    // the token that was taken is there in any case
    const others = top.filter((each) => each.id !== id)
      .map((each) => [nameOf(tokenizer, each.id), each.logprob]);
    found.top_logprobs.push(logprob === null ? null : Object.fromEntries([[name, logprob], ...others]));
    found.text_offset.push(place);
    place += lengthAt(tokenizer, id, place, text);
  }
  return found;
}

/**
 * Characters of a token at a place of a text.
 * @param text What a prompt was given as: special tokens that stand in it are a part of it
 */
export function lengthAt(tokenizer: Tokenizer, id: number, place: number, text = ""): number {
  if (!tokenizer.specialIds.has(id)) {
    return (place === 0 ? tokenizer.decode([id]) : tokenText(tokenizer, id).text).length;
  }
  const token = tokenizer.idToToken(id);
  return token !== null && text.startsWith(token, place) ? token.length : 0;
}

/** A token of vLLM's `prompt_logprobs`. */
export interface RankedToken {
  /** Log-probability in nats, ≤ 0. */
  logprob: number;
  /** Place among all tokens at this place, from 1. */
  rank: number;
  /** Its text. */
  decoded_token: string;
}

/**
 * vLLM's `prompt_logprobs` of an answer's prompt: at each place the token that stands there, and the best ones, by their ids.
 * @param count Number of best ones, ≥ 0
 * @returns As many as the prompt has tokens; null for the first, which follows nothing
 */
export function rankedPrompt(
  tokenizer: Tokenizer,
  { promptLogprobs }: { promptLogprobs: readonly PromptTokenLogprobs[] | null },
  count: number,
): (Record<number, RankedToken> | null)[] {
  const text = (id: number) =>
    tokenizer.specialIds.has(id) ? tokenizer.idToToken(id) ?? "" : tokenText(tokenizer, id).text;
  const places = (promptLogprobs ?? []).map(({ id, logprob, rank, top }) => {
    const best = top.slice(0, count).map((each, i) => ({ ...each, rank: i + 1 }));
    const all = [...best, { id, logprob, rank }].map(({ id, logprob, rank }) =>
      [id, { logprob, rank, decoded_token: text(id) }] as const
    );
    return Object.fromEntries(all);
  });
  return [null, ...places];
}

/** A token's text; its bytes where it is a part of a character, as OpenAI writes them, so that no two are called alike. */
function nameOf(tokenizer: Tokenizer, id: number): string {
  const { text, bytes } = tokenText(tokenizer, id), parts = escaped(text, bytes);
  return parts === null ? text : `bytes:${parts}`;
}

/** Bytes of a part of a character; null where the text says them. */
function escaped(text: string, bytes: readonly number[]): string | null {
  if (!text.includes("\uFFFD")) return null;
  return bytes.map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

/** Text and bytes of one token within a text: at its beginning some tokenizers leave out a blank. */
export function tokenText(tokenizer: Tokenizer, id: number): { text: string; bytes: number[] } {
  const before = tokenizer.encode("a").slice(-1), { length } = tokenizer.decode(before);
  const text = tokenizer.decode([...before, id]).slice(length);
  return { text, bytes: partBytes(tokenizer.idToToken(id), text) ?? [...new TextEncoder().encode(text)] };
}

/** Bytes of a token that is a part of a character; null where the text says them. */
function partBytes(token: string | null, text: string): number[] | null {
  if (token === null || !text.includes("\uFFFD")) return null;
  const byte = /^<0x([0-9A-F]{2})>$/.exec(token)?.[1];
  if (byte !== undefined) return [parseInt(byte, 16)];
  const bytes = Array.from(token, (char) => CHAR_TO_BYTE.get(char));
  return bytes.includes(undefined) ? null : bytes as number[];
}
