/**
 * Options of plugins in words: what a zod schema takes, and what it says against a value.
 * @module
 */
import { z } from "zod";

import { didYouMean } from "../../formats/did_you_mean.ts";
import { shown } from "../../formats/message.ts";
import { keysAt } from "../../formats/schema_keys.ts";

/** One option of a plugin. */
export interface OptionEntry {
  /** Name of the key. */
  name: string;
  /** Type in words, such as `number`, `"a" | "b"` or `list of [string, string]`. */
  type: string;
  /** True if it must be given. */
  required: boolean;
  /** Value when it isn't given; undefined where there is none. */
  default: unknown;
  /** One line about it. */
  description: string;
}

/** Names, types, defaults and descriptions of a schema's options. */
export function describeOptions(schema: z.ZodObject): OptionEntry[] {
  const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  const properties = (json.properties ?? {}) as Record<string, z.core.JSONSchema.BaseSchema>;
  const required = new Set(json.required);
  return Object.entries(properties).map(([name, property]) => ({
    name,
    type: typeText(property),
    required: required.has(name),
    default: property.default,
    description: property.description ?? "",
  }));
}

/** Options of a schema, each with what it does. */
export function optionTexts(schema: z.ZodObject): Record<string, string> {
  return Object.fromEntries(describeOptions(schema).map(({ name, description }) => [name, description]));
}

function typeText(schema: z.core.JSONSchema.BaseSchema): string {
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const parts = (schema.anyOf ?? schema.oneOf) as z.core.JSONSchema.BaseSchema[] | undefined;
  if (parts) return parts.map(typeText).join(" | ");
  if (schema.type === "array") {
    const places = schema.prefixItems as z.core.JSONSchema.BaseSchema[] | undefined;
    if (places) return `[${places.map(typeText).join(", ")}]`;
    return `list of ${typeText((schema.items ?? {}) as z.core.JSONSchema.BaseSchema)}`;
  }
  return String(schema.type ?? "anything");
}

/** Path of an issue's key; of unknown keys, of the first of them. */
export function issuePath(issue: z.core.$ZodIssue): (string | number)[] {
  const path = issue.code === "unrecognized_keys" ? [...issue.path, issue.keys[0] ?? ""] : issue.path;
  return path.map((part) => typeof part === "number" ? part : String(part));
}

/** One line for a zod issue: where, what is wrong, the nearest known key. */
export function describeIssue(issue: z.core.$ZodIssue, schema: z.ZodObject, options?: unknown): string {
  const path = issue.path.map((p) => typeof p === "number" ? `[${p}]` : `.${String(p)}`).join("").replace(
    /^\./,
    "",
  );
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, issue.path);
    return issue.keys.map((key) =>
      `unknown option ${path ? path + "." : ""}${key}${didYouMean(key, known)}` +
      (known.length === 0 ? "" : ` (known: ${known.join(", ")})`)
    ).join("; ");
  }
  if (path && issue.code === "invalid_type" && valueAt(options, issue.path) === undefined) {
    return `${path} is missing: ${issue.message}`;
  }
  const value = currentValue(issue, options);
  const why = value === "" ? issue.message : issue.message.replace(/, received \w+$/, "");
  return (path ? `${path}: ${why}` : why) + value;
}

const SHOWN_CODES: ReadonlySet<string> = new Set([
  "invalid_type",
  "too_small",
  "too_big",
  "invalid_value",
  "invalid_union",
]);

function valueAt(options: unknown, path: readonly PropertyKey[]): unknown {
  let value = options;
  for (const part of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[part];
  return value;
}

/** What stands at an issue's place, unless it may be a key. */
function currentValue(issue: z.core.$ZodIssue, options: unknown): string {
  const { code, path } = issue;
  if (!SHOWN_CODES.has(code) || path.some((part) => /(^|_)(key|secret|password)(_|$)/i.test(String(part)))) {
    return "";
  }
  const value = valueAt(options, path);
  if (value === undefined) return "";
  const meant = code === "invalid_value" && typeof value === "string"
    ? didYouMean(value.slice(0, 200), issue.values.map(String))
    : "";
  return `: current value is ${typeof value === "number" ? value : shown(value)}${meant}`;
}
