/**
 * Checks of the order of roles.
 * @module
 */
import type { Message } from "../kinds/dataset.ts";

/**
 * A conversation for training: user or tool, then assistant or function, in turn.
 * @throws {RangeError} If it is anything else.
 */
export function checkConversation(messages: readonly Message[], template: string): void {
  if (messages.length % 2 !== 0 || messages.length === 0) {
    throw new RangeError(
      `Cannot encode a conversation as template ${template}: it must end with an answer, current value is ${
        roles(messages)
      }`,
    );
  }
  checkOrder(messages, template);
}

/**
 * A conversation to be answered.
 * @throws {RangeError} If it doesn't end with a user's or a tool's message.
 */
export function checkPrompt(messages: readonly Message[], template: string): void {
  if (messages.length % 2 !== 1) {
    throw new RangeError(
      `Cannot encode a prompt as template ${template}: it must end with a user's message or a tool's result, current value is ${
        roles(messages)
      }`,
    );
  }
  checkOrder(messages, template);
}

function checkOrder(messages: readonly Message[], template: string): void {
  const wrong = messages.findIndex(({ role }, i) =>
    i % 2 === 0 ? role !== "user" && role !== "tool" : role !== "assistant" && role !== "function"
  );
  if (wrong < 0) return;
  throw new RangeError(
    `Cannot encode a conversation as template ${template}: message ${wrong} must be of ${
      wrong % 2 === 0 ? "user or tool" : "assistant or function"
    }, current value is ${roles(messages)}`,
  );
}

function roles(messages: readonly Message[]): string {
  return messages.length === 0 ? "no messages" : messages.map((message) => message.role).join(", ");
}
