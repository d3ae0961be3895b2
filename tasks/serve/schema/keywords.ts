/**
 * Keywords of JSON Schema that answers can be held to, and their values' shapes.
 * @module
 */
import { didYouMean } from "../../../formats/did_you_mean.ts";
import { shown } from "../../../formats/message.ts";
import type { JsonObject } from "./json.ts";

/** Keywords of each type of value. */
export const OF_TYPE: Readonly<Record<string, readonly string[]>> = {
  object: [
    "properties",
    "required",
    "additionalProperties",
    "unevaluatedProperties",
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
  ],
  array: ["items", "prefixItems", "minItems", "maxItems", "uniqueItems"],
  string: ["minLength", "maxLength", "pattern", "format"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
  integer: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
  boolean: [],
  null: [],
};

/** Keywords that combine schemas. */
const CHOICES = ["anyOf", "oneOf", "allOf", "$ref"];

/** Keywords that narrow nothing. */
const NOTES =
  "title description default example examples deprecated readOnly writeOnly $comment $schema $id discriminator $defs definitions"
    .split(" ");

const KNOWN = [...CHOICES, "type", "enum", "const", "nullable", ...new Set(Object.values(OF_TYPE).flat())];

const isCount = (value: unknown) => Number.isInteger(value) && (value as number) >= 0;
const isNumber = (value: unknown) => typeof value === "number" && Number.isFinite(value);
const isSchema = (value: unknown) =>
  typeof value === "boolean" || typeof value === "object" && value !== null && !Array.isArray(value);
const isSchemas = (value: unknown) =>
  isSchema(value) && typeof value === "object" && Object.values(value as JsonObject).every(isSchema);
const isTexts = (value: unknown) => Array.isArray(value) && value.every((one) => typeof one === "string");

const SHAPES: readonly (readonly [names: string, fits: (value: unknown) => boolean, words: string])[] = [
  ["minimum maximum exclusiveMinimum exclusiveMaximum", isNumber, "a number"],
  ["multipleOf", (value) => isNumber(value) && (value as number) > 0, "a number above 0"],
  ["minLength maxLength minItems maxItems minProperties maxProperties", isCount, "a whole number from 0 on"],
  ["uniqueItems nullable", (value) => typeof value === "boolean", "true or false"],
  ["pattern format $ref", (value) => typeof value === "string", "a text"],
  ["required", isTexts, "a list of names"],
  ["properties patternProperties $defs definitions", isSchemas, "schemas by name"],
  ["additionalProperties unevaluatedProperties propertyNames items", isSchema, "a schema"],
  ["prefixItems", (value) => Array.isArray(value) && value.every(isSchema), "a list of schemas"],
  [
    "anyOf oneOf allOf",
    (value) => Array.isArray(value) && value.length > 0 && value.every(isSchema),
    "a list of schemas",
  ],
  ["enum", (value) => Array.isArray(value) && value.length > 0, "a list of values"],
];

/**
 * A schema's keywords without those that narrow nothing.
 * @param refuse Told what is wrong; never returns
 */
export function schemaKeywords(schema: JsonObject, refuse: (what: string) => never): JsonObject {
  for (const [names, fits, words] of SHAPES) {
    const wrong = names.split(" ").find((name) => Object.hasOwn(schema, name) && !fits(schema[name]));
    if (wrong === "items" && Array.isArray(schema[wrong])) {
      refuse("items needs a schema; a list of them is called prefixItems");
    }
    if (wrong !== undefined) refuse(`${wrong} needs ${words}: current value is ${shown(schema[wrong])}`);
  }
  const { type } = schema;
  const types = [type ?? []].flat(), wrong = types.find((name) => !Object.hasOwn(OF_TYPE, String(name)));
  if (wrong !== undefined || type !== undefined && types.length === 0) {
    refuse(`type needs one of ${Object.keys(OF_TYPE).join(", ")}: current value is ${shown(type)}`);
  }
  const fields = Object.fromEntries(
    Object.entries(schema).filter(([name]) => !NOTES.includes(name) && !name.startsWith("x-")),
  );
  const unknown = Object.keys(fields).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) refuse(`the grammar can't follow ${unknown}${didYouMean(unknown, KNOWN)}`);
  return fields;
}
