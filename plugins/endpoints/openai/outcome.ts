/**
 * The outcome of a reply, and the tokens that it took.
 * @module
 */
import type { Completion, CompletionRequest } from "../../kinds/endpoint.ts";
import { whyNoAnswer } from "../../kinds/thoughts/thoughts.ts";
import { AnswerError } from "../failures.ts";
import { estimatePrompt, estimateTokens } from "../token_estimate.ts";
import { isCallEnd, isOwnEnd, otherEnd } from "./ends.ts";
import type { Reply } from "./reply.ts";

/**
 * The outcome of a reply.
 * @throws {AnswerError} If the server ended it because of an error, or there is a call of a tool in place of a text
 */
export function completionOf(reply: Reply, { messages }: Pick<CompletionRequest, "messages">): Completion {
  const { text, thought, refusal, called, finish, thoughtTokens } = reply;
  const end = otherEnd(finish) ?? "stop";
  if (end === "error") {
    throw new AnswerError("server", `the server ended the answer with finish_reason ${finish}`);
  }
  const shown = `${thought}${text ?? ""}${refusal}`;
  // a prompt is never empty, and neither is what has a text: such a 0 is a count that wasn't made
  const promptTokens = reply.promptTokens || null;
  const completionTokens = reply.completionTokens === 0 && shown !== "" ? null : reply.completionTokens;
  const common = {
    text: text ?? "",
    ...(thought.trim() !== "" && { thought }),
    promptTokens: promptTokens ?? estimatePrompt(messages),
    completionTokens: completionTokens ?? estimateTokens(shown),
    ...((promptTokens === null || completionTokens === null) && { estimated: true }),
  };
  if (end === "content_filter") {
    return { ...common, outcome: "content_filter", error: `finish_reason is ${finish}${said(refusal)}` };
  }
  if ((text ?? "").trim() === "" && refusal.trim() !== "") {
    return {
      ...common,
      text: refusal,
      outcome: "content_filter",
      error: `the model refused${said(refusal)}`,
    };
  }
  // a stream may lose the call and keep its end
  if ((text ?? "").trim() === "" && (called !== null || isCallEnd(finish))) {
    throw new AnswerError("tool_call", callText(called));
  }
  if (end === "stop" && !isOwnEnd(finish) && shown.trim() === "") {
    throw new AnswerError("server", `the server ended the answer with finish_reason ${finish} and no text`);
  }
  // thoughts that aren't shown leave no other trace than these
  if (end === "length" && (text ?? "").trim() === "" && (text === null || thoughtTokens > 0)) {
    return { ...common, outcome: "thought_only", error: whyNoAnswer("length") };
  }
  return { ...common, outcome: end };
}

function callText(called: string | null): string {
  return `the answer is a call of ${called ? `the tool ${called}` : "a tool"} and has no text to judge; ` +
    "start the server without its reader of such calls (vLLM: --enable-auto-tool-choice), which takes them out of the text, " +
    "and leave tools out of run_args.extra_body";
}

function said(refusal: string): string {
  return refusal.trim() === "" ? "" : `: ${refusal.trim().slice(0, 200)}`;
}
