/**
 * Faults of a configuration, one line each.
 * @module
 */
import { z } from "zod";

import { didYouMean } from "../../../formats/did_you_mean.ts";
import { shortened, shown } from "../../../formats/message.ts";
import { isSecretName, redactValue } from "../../../formats/secrets.ts";

/** What a fault was found in. */
interface FaultySettings {
  value: unknown;
  /** Where the value of a path was written. */
  placeOf: (path: (string | number)[]) => string;
  /** Of the whole value. */
  schema: z.ZodType;
  /** Name of the whole value. */
  top: string;
}

/** One line a fault, with place, path and the nearest known key. */
export function faultsOf(
  issue: z.core.$ZodIssue,
  whole: FaultySettings,
): string[] {
  const { value, placeOf, schema, top } = whole;
  const path = issue.path as (string | number)[];
  const name = path.length === 0 ? top : shortened(path.join("."));
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(path, schema);
    return issue.keys.map((key) =>
      `${placeOf([...path, key])}: Cannot use the unknown key "${shortened([...path, key].join("."))}"${
        didYouMean(key, known)
      }` +
      (known.length > 0 ? ` (known: ${known.join(", ")})` : "")
    );
  }
  if (issue.code === "invalid_union") {
    const inner = issue.errors.flat();
    const kind = inner.filter((e) => e.path.length > 0 || e.code === "unrecognized_keys");
    if (kind.length > 0) {
      return kind.flatMap((e) => faultsOf({ ...e, path: [...path, ...e.path] } as z.core.$ZodIssue, whole));
    }
  }
  let current: unknown = value;
  for (const step of path) {
    current = isMap(current) || Array.isArray(current) ? (current as never)[step] : undefined;
  }
  const isMissing = issue.code === "invalid_type" || issue.code === "invalid_union" ||
    issue.code === "invalid_value";
  if (current === undefined && isMissing && path.length > 0) {
    return [
      `${placeOf(path)}: Cannot read ${top} as ${name} is needed${
        neededWords(fieldAt(path, schema))
      }: current value is missing`,
    ];
  }
  // a value that is long is no help
  const secret = path.map(String).find(isSecretName);
  const now = shown(redactValue(current, secret));
  const hint = typeof current === "string" && /number/.test(issue.message) && Number.isFinite(Number(current))
    ? "; write it without quotes"
    : "";
  const meant = issue.code === "invalid_value" && typeof current === "string" && secret === undefined
    ? didYouMean(current.slice(0, 200), issue.values.map(String))
    : "";
  const what = issue.message.replace(/, received \w+$/, "");
  return [`${placeOf(path)}: Cannot read ${name}: ${what}: current value is ${now}${hint}${meant}`];
}

function knownKeys(path: readonly (string | number)[], whole: z.ZodType): string[] {
  const inner = unwrap(fieldAt(path, whole));
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

function fieldAt(path: readonly (string | number)[], whole: z.ZodType): unknown {
  let schema: unknown = whole;
  for (const step of path) {
    schema = unwrap(schema);
    if (schema instanceof z.ZodObject) schema = (schema.shape as Record<string, unknown>)[String(step)];
    else if (schema instanceof z.ZodArray) schema = schema.element;
    else return undefined;
  }
  return schema;
}

/** Text to write for a key: its form, and what it means. */
function neededWords(field: unknown): string {
  const meaning = field instanceof z.ZodType ? field.description : undefined;
  const inner = unwrap(field);
  const keys = inner instanceof z.ZodObject
    ? Object.entries(inner.shape).flatMap(([key, value]) => value.safeParse(undefined).success ? [] : [key])
    : [];
  const form = inner instanceof z.ZodObject
    ? `a map${keys.length > 0 ? ` with ${keys.join(", ")}` : ""}`
    : inner instanceof z.ZodArray
    ? "a list"
    : inner instanceof z.ZodRecord
    ? "a map"
    : inner instanceof z.ZodString
    ? "a text"
    : inner instanceof z.ZodNumber
    ? "a number"
    : inner instanceof z.ZodBoolean
    ? "true or false"
    : inner instanceof z.ZodEnum
    ? `one of ${inner.options.join(", ")}`
    : undefined;
  return (form === undefined ? "" : `, ${form}`) + (meaning === undefined ? "" : ` (${meaning})`);
}

function unwrap(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable) {
    return unwrap(schema.unwrap());
  }
  if (schema instanceof z.ZodPipe) return unwrap(schema.in);
  if (schema instanceof z.ZodUnion) return unwrap(schema.options[0]);
  return schema;
}

/** True if a value of YAML is a map. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
