/**
 * Describes a fault in a row of a data file: the field, and the name that was meant where one is misspelt.
 * @module
 */
import { z } from "zod";

import { didYouMean, isSlip, nearest } from "../did_you_mean.ts";
import { shown } from "../message.ts";
import { PyNumber } from "../python_json.ts";
import { keysAt } from "../schema_keys.ts";
import { memberAsWritten } from "./exact_json.ts";

/**
 * The field of a row that is misspelt; undefined when none is. Fields that a format doesn't know are a team's own and are left
 * alone, unless they are one letter (or two that changed places) away from a known field that the row doesn't have.
 */
export function misspeltField(row: unknown, schema: z.ZodType): string | undefined {
  if (!(schema instanceof z.ZodObject) || typeof row !== "object" || row === null) return undefined;
  const known = Object.keys(schema.shape);
  const absent = known.filter((name) => !Object.hasOwn(row, name));
  for (const field of Object.keys(row)) {
    const meant = known.includes(field) ? undefined : absent.find((name) => isSlip(field, name));
    if (meant !== undefined) return `unknown field "${field}" - did you mean "${meant}"?`;
  }
  return undefined;
}

/**
 * The first fault that a schema found in a row: the path of the field, what is wrong with it, and what may be meant.
 * @param error As the schema gives it with `inWords` of formats/zod_words.ts
 * @param whole What the value is called, where it is no row
 */
export function describeRowFault(
  row: unknown,
  schema: z.ZodType,
  error: z.ZodError,
  whole = "the row",
): string {
  const [first] = error.issues;
  if (first === undefined) return `${whole} doesn't fit`;
  const issue = innermost(first);
  const { path } = issue, message = neededOf(issue);
  const where = path.join(".") || whole;
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, path);
    const names = issue.keys.map((key) => `unknown field "${key}"${didYouMean(key, known)}`);
    return `${where}: ${names.join("; ")} (known: ${known.join(", ") || "none"})`;
  }
  const [name] = path;
  const missing = path.length === 1 && typeof row === "object" && row !== null &&
    !Object.hasOwn(row, name ?? "");
  if (!missing) {
    // a rule about several fields says all
    return `${where}: ${message}${issue.code === "custom" ? "" : `: current value is ${shownAt(row, path)}`}`;
  }
  const meant = nearest(String(name), Object.keys(row));
  // a rule about several fields names them in its own words
  const what = issue.code === "custom" ? message : "is missing";
  return `${where}: ${what}${meant === undefined ? "" : ` - is it what "${meant}" is meant to be?`}`;
}

/** What is needed, of a value that may be of several kinds all of them. */
function neededOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== "invalid_union") return issue.message;
  const kinds = issue.errors.flatMap(([first]) =>
    first === undefined ? [] : [neededOf(first).replace(/ is needed$/, "")]
  );
  return `${[...new Set(kinds)].join(" or ")} is needed`;
}

/** Of a value that may be of several kinds, what is wrong with it as the kind that it is. */
function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== "invalid_union") return issue;
  const branch = issue.errors.find((issues) =>
    !issues.some(({ code, path }) => code === "invalid_type" && path.length === 0)
  );
  const inner = branch?.find(({ code }) => code === "unrecognized_keys") ?? branch?.[0];
  return inner === undefined ? issue : innermost({ ...inner, path: [...issue.path, ...inner.path] });
}

/** The value at a path; a number as the file has it. */
function shownAt(row: unknown, path: readonly PropertyKey[]): string {
  const found = path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, key)
        ? memberAsWritten(value, key)
        : undefined,
    row,
  );
  return found instanceof PyNumber ? found.text : shown(found);
}
