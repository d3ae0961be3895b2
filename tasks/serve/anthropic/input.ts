/**
 * System and messages of a request for a message, block by block, as messages of a chat.
 * @module
 */
import { badRequest } from "../api_error.ts";
import type { ChatRequest } from "../fields/fields.ts";
import type { CountRequest } from "./fields.ts";
import { messageOf, type Turn, Turns } from "./turns.ts";

/** The chat's messages, and where each of them begins. */
export interface BlockConversation {
  /** In order, the system's in front. */
  messages: ChatRequest["messages"];
  /** Such as `messages[2]`, or `system`, for errors. */
  places: string[];
  /** True if the last message is the answer's own beginning. */
  continues: boolean;
  /** Names of given fields of blocks that have no effect, such as `messages.content.cache_control`. */
  unused: string[];
}

/**
 * The conversation of a request. What one side says in a row is one message; results of tools are messages of their own.
 * @throws {ApiError} 400 if a block is none that is read here, or the last message is no beginning of an answer
 */
export function readBlocks(
  { system, messages }: Pick<CountRequest, "system" | "messages">,
): BlockConversation {
  const turns = new Turns();
  if (system != null && system.length > 0) turns.addSystem(system);
  messages.forEach((message, i) => turns.addMessage(message, `messages[${i}]`));
  const continues = continuesLast(turns.list);
  return {
    messages: turns.list.map(messageOf),
    places: turns.list.map(({ place }) => place),
    continues,
    unused: [...turns.unused],
  };
}

/** True if the answer goes on from the last message; an empty one is taken away. */
function continuesLast(turns: Turn[]): boolean {
  const last = turns.at(-1);
  if (last?.role !== "assistant") return false;
  const refuse = (why: string): never => {
    throw badRequest(`Cannot answer behind ${last.place}, which is the assistant's own: ${why}`, last.place);
  };
  if (last.calls.length > 0) {
    refuse("it calls tools; send their results as a user's blocks of type tool_result");
  }
  if (last.texts.join("") !== "") return true;
  if (last.thought !== "") refuse("it ends in a thought; leave it out, or add the beginning of the answer");
  turns.pop();
  if (turns.length === 0) throw badRequest("Cannot answer the messages: nothing is said in them", "messages");
  return false;
}
