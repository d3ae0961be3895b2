/**
 * What a schema finds wrong in a value, in the words of this project's messages: `a number >= 0 is needed`.
 * @module
 */
import type { z } from "zod";

type Issue = z.core.$ZodRawIssue;

const KINDS: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "a map",
  record: "a map",
  null: "null",
};

/**
 * Second argument of a schema's `safeParse`; a schema's own words win.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { z } from "zod";
 * import { inWords } from "./zod_words.ts";
 *
 * const { error } = z.number().min(0).safeParse("a", inWords);
 * assertEquals(error?.issues[0]?.message, "a number is needed");
 * ```
 */
export const inWords: z.core.ParseContext<z.core.$ZodIssue> = {
  error: (issue) => {
    if (issue.code === "invalid_key") return issue.issues[0]?.message;
    const needed = neededOf(issue);
    return needed === undefined ? undefined : `${needed} is needed`;
  },
};

function neededOf(issue: Issue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return KINDS[issue.expected];
    case "invalid_value":
      return listed(issue.values);
    case "too_small":
      return limited(issue.origin, issue.inclusive === false ? ">" : ">=", issue.minimum);
    case "too_big":
      return limited(issue.origin, issue.inclusive === false ? "<" : "<=", issue.maximum);
    case "invalid_union":
      return Array.isArray(issue.options) ? listed(issue.options) : "another form";
    default:
      return undefined;
  }
}

function listed(values: readonly unknown[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.join(", ")}`;
}

function limited(origin: string, sign: string, limit: number | bigint): string | undefined {
  const most = sign === "<=" ? "at most" : "at least";
  switch (origin) {
    case "number":
    case "int":
      return `a number ${sign} ${limit}`;
    case "string":
      return most === "at least" && limit === 1
        ? "a text that isn't empty"
        : `a text of ${most} ${limit} characters`;
    case "array":
      return most === "at least" && limit === 1
        ? "a list with an entry"
        : `a list of ${most} ${limit} entries`;
    default:
      return undefined;
  }
}
