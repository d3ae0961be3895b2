/**
 * Templates: how messages become token ids. Special tokens come from the template alone, never from a user's text.
 * @module
 */
import type { Message } from "./dataset.ts";
import type { PyJson } from "../../formats/python_json.ts";
import type { EditableTokenizer, Tokenizer } from "../../formats/tokenizer/tokenizer.ts";

export type { PyJson, PyNumber } from "../../formats/python_json.ts";

/** One turn: the ids that lead up to an answer (system and user blocks, assistant header) and the answer with its end. */
export interface EncodedTurn {
  /** Ids up to the answer. */
  source: number[];
  /** Ids of the answer and its end. */
  target: number[];
}

/** A conversation as a template encodes it. */
export interface TemplateConversation {
  /** A user (or a tool) and an assistant in turn. */
  messages: readonly Message[];
  /** "" for none. */
  system: string;
  /** Definitions as JSON text, "" for none. */
  tools: string;
  /** Variables of the model's own template as a JSON object, in front of the run's. Absent: none. */
  variables?: string;
}

/** Options of {@linkcode Template.encodeTurns}. */
export interface TurnOptions {
  /** Only the last answer is learnt: reasoning templates then drop the thoughts of earlier answers. Default false. */
  maskHistory?: boolean;
}

/** Names that are no variables of a chat template: what calls it says them itself. */
export const NO_VARIABLES = [
  "messages",
  "tools",
  "add_generation_prompt",
  "continue_final_message",
  "chat_template",
  "tokenize",
] as const;

/** Parts of a conversation that not every template writes. */
export const MESSAGE_PARTS = ["thoughts", "tool calls", "words beside tool calls", "tools"] as const;

/** One of them. */
export type MessagePart = typeof MESSAGE_PARTS[number];

/** A chat as a server is asked for its next message: in any order of roles, for the model's own template to take or refuse. */
export interface AskedChat {
  /** Each with `role`, `content` (a text, or a list of parts `{type: "text", text}`), and further fields; none of them null. */
  messages: readonly Map<string, PyJson>[];
  /** Definitions of tools; null for none. */
  tools: PyJson[] | null;
  /** True if the header of an answer stands at the end. */
  addGenerationPrompt: boolean;
  /** The last message stays open, so that the answer goes on with it (transformers: `continue_final_message`). */
  continueFinalMessage: boolean;
  /** Further variables of the template, by name. */
  variables: ReadonlyMap<string, PyJson>;
}

/** The product of a template plugin (LLaMA-Factory's semantics: pieces are tokenised apart). */
export interface Template {
  /** As in YAML. */
  name: string;
  /** Token texts that end an answer when generating; the first replaces eos when `replaceEos`. */
  stopWords: readonly string[];
  /** True if the first stop word becomes the tokenizer's eos. */
  replaceEos: boolean;
  /** The token that ends a text of stage pt, where the tokenizer has it; undefined: eos. */
  endOfText?: string;
  /** The system text used when an example has none; "" for none. */
  defaultSystem: string;
  /** Jinja text equal to this template, written into the output directory's tokenizer_config.json; undefined: the model's own. */
  chatTemplate?: string;
  /**
   * Pieces have no end of text: eos goes behind the last answer, and is the label of the first token of every later turn
   * (LLaMA-Factory: efficient_eos). Default false.
   */
  efficientEos?: boolean;
  /**
   * Jinja text equal to this template for one tokenizer, whose bos and eos it names; null if there is none. Used by
   * `prepareTokenizer` where the tokenizer has no chat template or `replaceJinja`.
   */
  jinja?(tokenizer: Tokenizer): string | null;
  /**
   * Jinja text that renders, without variables of its own, what this template with its options encodes: it is saved with what
   * was trained. Absent or null: the tokenizer's own.
   */
  trainedJinja?(tokenizer: EditableTokenizer): string | null;
  /** The template's own Jinja text replaces the tokenizer's (LLaMA-Factory: replace_jinja_template). Default false. */
  replaceJinja?: boolean;
  /**
   * Turns of a conversation that ends with an assistant message, in order: `[system+user1, answer1], [user2, answer2]…`
   * (LLaMA-Factory: encode_multiturn).
   * @throws {RangeError} If roles don't alternate as the template needs.
   */
  encodeTurns(tokenizer: Tokenizer, conversation: TemplateConversation, options?: TurnOptions): EncodedTurn[];
  /**
   * The same conversation as one turn, everything up to the last answer as its source, for preference data. Reasoning templates
   * leave out the thoughts of earlier answers (LLaMA-Factory: encode_oneturn). Without it: the turns of `encodeTurns`, joined.
   */
  encodeOneTurn?(tokenizer: Tokenizer, conversation: TemplateConversation): EncodedTurn[];
  /** True if a row's variable of this name can change what it writes. Absent: none does, and rows that have some are reported. */
  readsVariable?(tokenizer: Tokenizer, name: string): boolean;
  /** Parts that it leaves out of what it writes, so that rows that have them are reported. Absent: none. */
  ignores?(tokenizer: Tokenizer): readonly MessagePart[];
  /** Ids of a conversation that ends with a user turn, assistant header included, for generating. */
  encodePrompt(tokenizer: Tokenizer, conversation: TemplateConversation): number[];
  /**
   * Ids of a chat as vLLM and llama.cpp's server hand it to the model's own template. Absent: the template writes turns of users
   * and assistants, and {@linkcode Template.encodePrompt} is all that it has.
   * @throws {RangeError} If the template refuses the chat, or leaves out the message that is to be continued.
   */
  encodeChat?(tokenizer: Tokenizer, chat: AskedChat): number[];
}
