/**
 * Jinja templates rendered as Python renders them: Jinja2 3.1 with the settings and functions of transformers'
 * `apply_chat_template` (sandboxed; `tojson` is `json.dumps`; `raise_exception`, `strftime_now`).
 * @module
 */
import { type PyJson, PyNumber } from "../../../formats/python_json.ts";
import { Evaluation } from "./evaluate.ts";
import { globalFunctions } from "./globals.ts";
import { parse } from "./parser.ts";
import { Dict, type JinjaValue } from "./values.ts";

export { formatDay, parseDay } from "./strftime.ts";
export { StepLimitError, TemplateError } from "./values.ts";

/** A template that was read. */
export interface JinjaTemplate {
  /**
   * Renders it.
   * @param variables Values by name; what isn't there is undefined in the template.
   * @param today The day that `strftime_now` writes, such as "26 Jul 2024".
   * @throws {TemplateError} If the template fails or refuses the conversation.
   * @throws {StepLimitError} If it takes more than 2 million steps.
   */
  render(variables: ReadonlyMap<string, PyJson>, today: string): string;
}

/**
 * Reads a template.
 * @throws {TemplateError} With the line, if the text isn't a template.
 */
export function compileTemplate(text: string): JinjaTemplate {
  const body = parse(text);
  return {
    render(variables, today) {
      const values = globalFunctions(today);
      for (const [name, value] of variables) values.set(name, toValue(value));
      return new Evaluation().render(body, values);
    },
  };
}

function toValue(value: PyJson): JinjaValue {
  if (value instanceof PyNumber) return /^-?\d+$/.test(value.text) ? BigInt(value.text) : Number(value.text);
  if (Array.isArray(value)) return value.map(toValue);
  return value instanceof Map ? new Dict([...value].map(([key, item]) => [key, toValue(item)])) : value;
}
