/**
 * Answers held to JSON: which mask a `response_format` asks for.
 * @module
 */
import type { MaskSource } from "../../kernels/engine/generate/generator.ts";
import { badRequest } from "./api_error.ts";
import type { SamplingRequest } from "./fields.ts";

/** Grammar of a mask, see grammar_mask.ts. */
export interface GrammarOptions {
  /** The answer is one of these: a JSON value of a schema (JSON text) between two texts. */
  choices: { begin: string; schema: string; end: string }[];
  /** The answer is free up to this text, which begins every choice, and free behind each; null: it is one choice. */
  trigger: string | null;
  /** Whether it ends with the first choice. */
  once: boolean;
}

/**
 * The mask of a `response_format`; null where the text is free.
 * @throws {ApiError} 400 if the schema says something that the grammar wouldn't hold an answer to
 */
export function grammarMask(format: SamplingRequest["response_format"]): MaskSource | null {
  if (format == null || format.type === "text") return null;
  if (format.type === "json_object") return maskOf([{ begin: "", schema: '{"type": "object"}', end: "" }]);
  const { schema } = format.json_schema;
  checkSchema(schema, "response_format.json_schema.schema", "response_format");
  return maskOf([{ begin: "", schema: JSON.stringify(schema), end: "" }]);
}

/** A tool that may be called. */
export interface CallableTool {
  /** Name of the function, as `tools` has it. */
  name: string;
  /** JSON schema of its arguments; null: any object. */
  parameters: Record<string, unknown> | null;
}

/**
 * The mask of an answer that is one call, as a format writes it: text, name, text, arguments, text.
 * @param free Where the answer may be words as well: the text that begins a call, and whether it ends with the first one
 * @throws {ApiError} 400 if a tool's parameters say something that the grammar wouldn't hold an answer to
 */
export function callMask(
  tools: readonly CallableTool[],
  [begin, middle, end]: readonly [begin: string, middle: string, end: string],
  free: Pick<GrammarOptions, "trigger" | "once"> = { trigger: null, once: true },
): MaskSource {
  return maskOf(
    tools.map(({ name, parameters }) => {
      const schema = parameters ?? { type: "object" };
      checkSchema(schema, `tools.${name}.parameters`, "tools");
      return { begin: `${begin}${JSON.stringify(name)}${middle}`, schema: JSON.stringify(schema), end };
    }),
    free,
  );
}

function maskOf(
  choices: GrammarOptions["choices"],
  free: Pick<GrammarOptions, "trigger" | "once"> = { trigger: null, once: true },
): MaskSource {
  const options: GrammarOptions = { choices, ...free };
  return { module: new URL("./grammar_mask.ts", import.meta.url).href, options };
}

/** Keywords that XGrammar 0.1.27 passes over without a word. */
const PASSED_OVER = [
  "not",
  "if",
  "multipleOf",
  "uniqueItems",
  "contains",
  "minContains",
  "maxContains",
  "dependentRequired",
  "dependentSchemas",
];

/** Keywords beside which it passes over those that would narrow them. */
const CHOICES = ["anyOf", "oneOf", "allOf", "$ref"];

/** Keywords that may stand beside a choice, because they narrow nothing. */
const NOTES = [
  "title",
  "description",
  "default",
  "examples",
  "deprecated",
  "readOnly",
  "writeOnly",
  "$comment",
  "$defs",
  "definitions",
  "$schema",
  "$id",
  "discriminator",
];

/** Keywords whose value is a schema, a list of schemas, or schemas by name. */
const INSIDE = {
  one: ["items", "additionalProperties", "propertyNames", "unevaluatedProperties", "additionalItems"],
  list: ["anyOf", "oneOf", "allOf", "prefixItems"],
  named: ["properties", "patternProperties", "$defs", "definitions"],
};

function checkSchema(schema: unknown, place: string, param: string): void {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return;
  const fields = schema as Record<string, unknown>;
  const refuse = (what: string): never => {
    throw badRequest(`Cannot hold an answer to ${place}: ${what}`, param);
  };
  const over = PASSED_OVER.find((name) => Object.hasOwn(fields, name));
  if (over !== undefined) refuse(`the grammar can't follow ${over}`);
  const choice = CHOICES.find((name) => Object.hasOwn(fields, name));
  const beside = Object.keys(fields).find((name) => name !== choice && !NOTES.includes(name));
  if (choice !== undefined && beside !== undefined) {
    refuse(`the grammar can't follow ${beside} beside ${choice}; write it inside of each choice`);
  }
  const { properties, required } = fields;
  const known = typeof properties === "object" && properties !== null ? Object.keys(properties) : [];
  const missing = Array.isArray(required) ? required.find((name) => !known.includes(name)) : undefined;
  if (missing !== undefined) refuse(`the grammar can't require ${String(missing)}, which properties lacks`);
  const lower = Math.max(...["minimum", "exclusiveMinimum"].map((name) => Number(fields[name] ?? 0)));
  if (lower > 0 && !Object.hasOwn(fields, "maximum") && !Object.hasOwn(fields, "exclusiveMaximum")) {
    refuse(`the grammar can't follow a smallest number of ${lower} without a largest; give a maximum`);
  }
  const inside = (name: string) => Object.hasOwn(fields, name) ? fields[name] : undefined;
  for (const name of INSIDE.one) checkSchema(inside(name), `${place}.${name}`, param);
  for (const name of [...INSIDE.list, ...INSIDE.named]) {
    const value = inside(name);
    if (typeof value !== "object" || value === null) continue;
    for (const [key, each] of Object.entries(value)) checkSchema(each, `${place}.${name}.${key}`, param);
  }
}
