/**
 * Schemas of what plugins give, each with what is needed in words.
 * @module
 */
import { z } from "zod";

/** A schema of anything that `test` takes, with what is needed in words. */
export function needed(words: string, test: (value: unknown) => boolean): z.ZodType {
  return z.custom(test, { error: `${words} is needed` });
}

/** An object of any kind, class instances too. */
export const anObject: z.ZodType = needed(
  "an object",
  (v) => typeof v === "object" && v !== null && !Array.isArray(v) && !(v instanceof Promise),
);

/** A function. */
export const aFunction: z.ZodType = needed(
  "a function",
  (v) => typeof v === "function",
);

/** A function, or nothing. */
export const functionOrNothing: z.ZodType = needed(
  "a function, or nothing,",
  (v) => v === undefined || typeof v === "function",
);

/** A text. */
export const anyText: z.ZodType = needed("a text", (v) => typeof v === "string");

/** A text that isn't empty. */
export const words: z.ZodType = needed(
  "a text that isn't empty",
  (v) => typeof v === "string" && v !== "",
);

/** A map of names to texts. */
export const namedTexts: z.ZodType = needed(
  "a map of names to texts",
  (v) => isNamed(v) && Object.values(v).every((each) => typeof each === "string"),
);

/** A map of names to numbers. */
export const namedNumbers: z.ZodType = needed(
  "a map of names to numbers",
  (v) => isNamed(v) && Object.values(v).every((each) => typeof each === "number"),
);

/** True of an object that is neither a list nor a promise. */
export function isNamed(value: unknown): value is Record<string, unknown> {
  return anObject.safeParse(value).success;
}

/** A map of values that JSON has. */
export const jsonData: z.ZodType = needed("a map of JSON values", (v) => {
  try {
    return isNamed(v) && JSON.stringify(v) !== undefined;
  } catch {
    return false;
  }
});

/** What `each` says, or nothing. */
export function orNothing(each: z.ZodType): z.ZodType {
  return z.unknown().superRefine((value, context) => {
    const issue = value === undefined ? undefined : each.safeParse(value).error?.issues[0];
    if (issue) context.addIssue(under([], issue));
  });
}

/** True or false. */
export const flag: z.ZodType = needed("true or false", (v) => typeof v === "boolean");

/** A list of what `each` says. */
export function listOf(each: z.ZodType, what = "a list"): z.ZodType {
  return needed(what, Array.isArray).pipe(z.array(each));
}

/** An object with these fields among others. */
export function fields(shape: Record<string, z.ZodType>): z.ZodType {
  return anObject.pipe(
    z.unknown().superRefine((value, context) => {
      for (const [key, schema] of Object.entries(shape)) {
        const issue = schema.safeParse((value as Record<string, unknown>)[key]).error?.issues[0];
        if (!issue) continue;
        context.addIssue(under([key], issue));
        return;
      }
    }),
  );
}

/** An issue of a part, as one of the whole that has it at `path`; what to do about it comes along. */
function under(path: readonly PropertyKey[], issue: z.core.$ZodIssue) {
  const params = issue.code === "custom" ? issue.params : undefined;
  return {
    code: "custom" as const,
    path: [...path, ...issue.path],
    message: issue.message,
    ...(params && { params }),
  };
}

/** One of these texts. */
export function oneOfNames(...names: readonly string[]): z.ZodType {
  return needed(`one of ${names.join(", ")}`, (v) => typeof v === "string" && names.includes(v));
}
