/**
 * Thinking, switched on or off by a request.
 * @module
 */
import type { Tokenizer } from "../../../formats/tokenizer/mod.ts";
import type { Template } from "../../../plugins/kinds/template.ts";
import { badRequest } from "../api_error.ts";
import type { ChatRequest } from "./fields.ts";

/**
 * True if the model is to think; undefined: as its template does by itself.
 * @throws {ApiError} 400 if its chat template has no switch for it, or fewer steps than are asked for
 */
export function thinkingOf(
  { reasoning_effort: effort, chat_template_kwargs }: ChatRequest,
  { id, thinkingSwitch }: { id: string; thinkingSwitch: boolean },
): boolean | undefined {
  const asked = chat_template_kwargs?.enable_thinking;
  const refuse = (param: string, why: string): never => {
    throw badRequest(`Cannot use ${param}: ${why}`, param);
  };
  const without = `the chat template of ${id} has no switch for thinking; leave it out`;
  if (asked !== undefined && !thinkingSwitch) refuse("chat_template_kwargs.enable_thinking", without);
  if (effort == null) return asked;
  if (!thinkingSwitch) refuse("reasoning_effort", without);
  if (effort !== "none" && effort !== "medium") {
    refuse(
      "reasoning_effort",
      `the chat template of ${id} knows thinking on (medium) and off (none), and no ${effort}`,
    );
  }
  const wanted = effort === "medium";
  if (asked !== undefined && asked !== wanted) {
    refuse(
      "reasoning_effort",
      "chat_template_kwargs.enable_thinking says the opposite; leave one of them out",
    );
  }
  return wanted;
}

/** True if prompts differ with thinking on and off. */
export function hasThinkingSwitch(template: (thinking: boolean) => Template, tokenizer: Tokenizer): boolean {
  const [on, off] = [true, false].map((thinking) =>
    template(thinking).encodePrompt(tokenizer, {
      messages: [{ role: "user", content: "probe" }],
      system: "",
      tools: "",
    }).join()
  );
  return on !== off;
}
