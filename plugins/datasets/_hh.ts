/**
 * Dialogues in one text as Anthropic's HH data have them: `\n\nHuman: … \n\nAssistant: …`. Bai et al. 2022, arXiv 2204.05862.
 * @module
 */
import type { Message } from "../kinds/dataset.ts";

const MARK = /(?:^|\n\n)(Human|Assistant):/g;

/** True if a text begins with a human's turn and has an answer. */
export function isHhDialogue(content: string): boolean {
  return /^\s*Human:/.test(content) && content.includes("\n\nAssistant:");
}

/** The turns; a turn's text without the blanks around it. Turns of the same speaker in a row stay apart. */
export function readHhDialogue(content: string): Message[] {
  const text = content.trimStart();
  const marks = [...text.matchAll(MARK)];
  return marks.map((mark, i) => ({
    role: mark[1] === "Human" ? "user" : "assistant",
    content: text.slice(mark.index + mark[0].length, marks[i + 1]?.index ?? text.length).trim(),
  }));
}
