/**
 * Tools of a request: checks that they can be offered to the model, and answers that must call one.
 * @module
 */
import type { MaskSource } from "../../../kernels/engine/generate/generator.ts";
import { didYouMean } from "../../../formats/did_you_mean.ts";
import { badRequest } from "../api_error.ts";
import { callMask, eitherMask } from "../grammar/grammar.ts";
import type { ChatRequest } from "../fields/fields.ts";
import type { ServedModel } from "../models.ts";
import { heldBy } from "../grammar/structured.ts";

/** @throws {ApiError} 400 if the model's template writes no tools, or a choice can't be kept */
export function checkTools(request: ChatRequest, model: ServedModel): void {
  const { tools, tool_choice } = request;
  const names = (tools ?? []).map((tool) => tool.function.name);
  // as vLLM: an empty list is one from which nothing may be chosen, and auto is what holds without a choice
  const isFree = tool_choice == null || tool_choice === "none" || tool_choice === "auto" && tools != null;
  if (names.length === 0 && !isFree) {
    throw badRequest("Cannot use tool_choice without tools: name at least one in tools", "tool_choice");
  }
  if (names.length === 0 || tool_choice === "none") return;
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw badRequest(`Cannot offer two tools of the name ${twice}`, "tools");
  if (model.format === null) {
    throw badRequest(
      `Cannot offer tools to ${model.id}: its chat template writes no calls of tools, or in a way that isn't read here ` +
        "(read are <tool_call> as Hermes and Qwen write it, [TOOL_CALLS] of Mistral, JSON of Llama 3)",
      "tools",
    );
  }
  if (tool_choice === "required" || typeof tool_choice === "object" && tool_choice !== null) {
    const name = typeof tool_choice === "object" && tool_choice !== null ? tool_choice.function.name : null;
    if (name !== null && !names.includes(name)) {
      throw badRequest(
        `Cannot call the tool ${name}, which tools doesn't name${didYouMean(name, names)}`,
        "tool_choice",
      );
    }
  }
}

/**
 * The mask of an answer that must be a call (`tool_choice` required, or a tool's name), or is a call or a text that another field holds
 * (`response_format`), or whose calls must fit their tools (`strict`); null where it is free.
 * @throws {ApiError} 400 if the model's way to write calls can't be held to
 */
export function heldCalls(request: ChatRequest, model: ServedModel): MaskSource | null {
  const { tools, tool_choice } = request;
  if (tool_choice === "none" || tools == null || tools.length === 0) return null;
  const isFree = tool_choice == null || tool_choice === "auto", [held] = isFree ? heldBy(request) : [];
  if (isFree && held === undefined) return strictCalls(request, model);
  const only = isFree || tool_choice === "required" ? null : tool_choice.function.name;
  const around = heldAround(model, held?.param ?? "tool_choice");
  const callable = tools.map((tool) => tool.function).filter(({ name }) => only === null || name === only);
  const call = callMask(
    callable.map(({ name, parameters }) => ({ name, parameters: parameters ?? null })),
    around,
  );
  return held === undefined ? call : eitherMask(call, held.mask());
}

/** Texts around a call that a grammar can write. @throws {ApiError} 400 if there are none */
function heldAround({ id, format, local }: ServedModel, param: string): readonly [string, string, string] {
  const special = format?.begin.some((text) =>
    local.tokenizer.specialIds.has(local.tokenizer.tokenToId(text) ?? -1)
  );
  if (format?.around != null && (special !== true || format.bare)) return format.around;
  const instead = param === "tool_choice" ? "leave tool_choice at auto" : `leave ${param} or tools out`;
  throw badRequest(
    `Cannot hold an answer of ${id} to a call: its calls begin with a special token, which a grammar can't write; ${instead}`,
    param,
  );
}

/** Words and calls as the model likes, but each call is one of the tools, and its arguments fit where the tool is strict. */
function strictCalls(
  { tools, parallel_tool_calls }: ChatRequest,
  { id, format }: ServedModel,
): MaskSource | null {
  const functions = (tools ?? []).map((tool) => tool.function);
  if (!functions.some(({ strict }) => strict === true)) return null;
  const [trigger] = format?.begin ?? [];
  if (format?.around == null || trigger === undefined || !format.around[0].startsWith(trigger)) {
    throw badRequest(
      `Cannot hold calls of ${id} to a strict tool: nothing that a grammar can write begins its calls; ` +
        "leave strict out, or set tool_choice",
      "tools",
    );
  }
  const callable = functions.map(({ name, parameters, strict }) => ({
    name,
    parameters: strict === true ? parameters ?? null : null,
  }));
  return callMask(callable, format.around, { trigger, once: parallel_tool_calls === false });
}
