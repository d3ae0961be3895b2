/**
 * Parts that an answer's text is taken apart into.
 * @module
 */

/** A call that an answer makes. */
export interface AnsweredCall {
  /** Of the tool. */
  name: string;
  /** As the model wrote them: JSON, unless it wrote none or was cut. */
  arguments: string;
}

/** A part of a call that became certain; they come in this order, for one call after the other. */
export type CallPart =
  | { type: "call"; name: string }
  // of the call before it: more of its arguments' text
  | { type: "arguments"; text: string }
  // its arguments are whole
  | { type: "called" };

/** A part of an answer that became certain. */
export type AnswerPart = { type: "reasoning"; text: string } | { type: "content"; text: string } | CallPart;

/** What is said, as a part; none where it is empty. */
export function content(text: string): AnswerPart[] {
  return text === "" ? [] : [{ type: "content", text }];
}

/** The texts of one kind, put together. */
export function textOfParts(parts: readonly AnswerPart[], type: "content" | "reasoning"): string {
  return parts.map((part) => part.type === type ? part.text : "").join("");
}

/** The calls, each put together. */
export function callsOf(parts: readonly AnswerPart[]): AnsweredCall[] {
  const calls: AnsweredCall[] = [];
  for (const part of parts) {
    const last = calls.at(-1);
    if (part.type === "call") calls.push({ name: part.name, arguments: "" });
    else if (part.type === "arguments" && last !== undefined) last.arguments += part.text;
  }
  return calls;
}
