/**
 * Nulls that tables put among tools: Arrow has one type for all rows, so a call's arguments and a tool's properties have those of all
 * other rows too, and so have variables of the template, null where they aren't their own (findings/arguments_of_other_calls.sh).
 * @module
 */
import type { Example } from "../../../../plugins/kinds/dataset.ts";

/** True if a call's arguments, the properties of a tool's schema, or variables of the template hold a null. */
export function hasFilledNulls(
  { tools, variables, prompts, answers }: Pick<Example, "tools" | "variables" | "prompts" | "answers">,
): boolean {
  const messages = [...Object.values(prompts).flat(), ...Object.values(answers)];
  return messages.some(({ role, content }) => role === "function" && holds(content, "arguments")) ||
    holds(tools, "properties") ||
    variables !== undefined && holds(`{"arguments": ${variables}}`, "arguments");
}

/** True if a null stands under `key`: anywhere in arguments, among the properties themselves. */
function holds(text: string, key: "arguments" | "properties"): boolean {
  if (!/:\s*null\b/.test(text)) return false;
  try {
    return below(JSON.parse(text), key);
  } catch {
    return false; // no JSON: the template says so
  }
}

function below(value: unknown, key: "arguments" | "properties"): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([name, inner]) => {
    if (name !== key || typeof inner !== "object" || inner === null) return below(inner, key);
    return key === "arguments" ? hasNull(inner) : Object.values(inner).includes(null) || below(inner, key);
  });
}

function hasNull(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return value === null;
  return Object.values(value).some(hasNull);
}
