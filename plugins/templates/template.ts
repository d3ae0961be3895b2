/**
 * Templates: how messages become token ids. Special tokens come from the template alone, never from a user's text.
 * @module
 */
import type { Message } from "../datasets/dataset.ts";
import type { Tokenizer } from "../../formats/tokenizer/tokenizer.ts";

/** One turn: the ids that lead up to an answer (system and user blocks, assistant header) and the answer with its end. */
export interface EncodedTurn {
  source: number[];
  target: number[];
}

/** The product of a template plugin (LLaMA-Factory's semantics: pieces are tokenised apart). */
export interface Template {
  /** As in YAML. */
  name: string;
  /** Token texts that end an answer when generating; the first replaces eos when `replaceEos`. */
  stopWords: readonly string[];
  replaceEos: boolean;
  /** The system text used when an example has none; "" for none. */
  defaultSystem: string;
  /** Jinja text equal to this template, written into the output directory's tokenizer_config.json; undefined: the model's own. */
  chatTemplate?: string;
  /**
   * Turns of a conversation that ends with an assistant message, in order: `[system+user1, answer1], [user2, answer2]…`
   * (LLaMA-Factory: encode_multiturn).
   * @throws {RangeError} If roles don't alternate as the template needs.
   */
  encodeTurns(tokenizer: Tokenizer, messages: readonly Message[], system: string, tools: string): EncodedTurn[];
  /** Ids of a conversation that ends with a user turn, assistant header included, for generating. */
  encodePrompt(tokenizer: Tokenizer, messages: readonly Message[], system: string, tools: string): number[];
}
