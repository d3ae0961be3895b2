/**
 * The form that an answer is held to, by whichever field a request asks for it.
 * @module
 */
import type { MaskSource } from "../../../kernels/engine/generate/generator.ts";
import { badRequest } from "../api_error.ts";
import type { SamplingRequest } from "../fields/fields.ts";
import { grammarMask, type HeldText, textMask } from "./grammar.ts";

type Asked = Pick<
  SamplingRequest,
  "response_format" | "structured_outputs" | "guided_json" | "guided_regex" | "guided_choice"
>;

/** A field that holds an answer, and its mask. */
interface Held {
  param: string;
  mask(): MaskSource | null;
}

/** Fields of a request that hold its answer. @throws {ApiError} 400 if `structured_outputs` names no form */
export function heldBy(
  { response_format: format, structured_outputs: form, guided_json, guided_regex, guided_choice }: Asked,
): Held[] {
  const text = (param: string, of: () => HeldText | null): Held => ({
    param,
    mask: () => {
      const held = of();
      return held && textMask(param.replace(/\..*/, ""), held, param);
    },
  });
  const json = (param: string, given: string | Record<string, unknown> | null | undefined): Held[] =>
    given == null ? [] : [text(param, () => ({ schema: schemaOf(given, param) }))];
  const regex = (param: string, given: string | null | undefined): Held[] =>
    given == null ? [] : [text(param, () => ({ expression: given }))];
  const choice = (param: string, given: string[] | null | undefined): Held[] =>
    given == null ? [] : [text(param, () => ({ list: given }))];
  const within = form == null ? [] : [
    ...json("structured_outputs.json", form.json),
    ...regex("structured_outputs.regex", form.regex),
    ...choice("structured_outputs.choice", form.choice),
    ...form.json_object === true
      ? [text("structured_outputs.json_object", () => ({ schema: { type: "object" } }))]
      : [],
  ];
  if (form != null && within.length === 0) {
    throw badRequest(
      "Cannot use structured_outputs: it needs one of json, regex, choice, json_object",
      "structured_outputs",
    );
  }
  return [
    ...format == null || format.type === "text"
      ? []
      : [{ param: "response_format", mask: () => grammarMask(format) }],
    ...within,
    ...json("guided_json", guided_json),
    ...regex("guided_regex", guided_regex),
    ...choice("guided_choice", guided_choice),
  ];
}

/**
 * The mask of a request's answer; null where it is free.
 * @throws {ApiError} 400 if two fields hold it, or a schema isn't JSON
 */
export function answerMask(asked: Asked): MaskSource | null {
  const [one, other] = heldBy(asked);
  if (one !== undefined && other !== undefined) {
    throw badRequest(
      `Cannot hold an answer by ${one.param} and ${other.param} at once: leave one of the two out`,
      other.param,
    );
  }
  return one?.mask() ?? null;
}

function schemaOf(given: string | Record<string, unknown>, param: string): unknown {
  if (typeof given !== "string") return given;
  try {
    return JSON.parse(given);
  } catch {
    throw badRequest(`Cannot use ${param}: its text isn't JSON`, param);
  }
}
