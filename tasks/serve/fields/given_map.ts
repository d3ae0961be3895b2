/**
 * Maps that are handed on as they came.
 * @module
 */
import { z } from "zod";

/**
 * Any map, the very object of the body: what was kept of its text goes by that (`exactJson`), and a schema of records would make
 * another one.
 */
export const givenMap: z.ZodType<Record<string, unknown>, Record<string, unknown>> = z.custom<
  Record<string, unknown>
>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "a map is needed",
);

/** A map that fits a schema, as {@linkcode givenMap} the very object of the body. */
export function givenAs<T extends object>(schema: z.ZodType<T, T>): z.ZodType<T, T> {
  return z.custom<T>().check((payload) => {
    const { value } = payload, issues = schema.safeParse(value).error?.issues ?? [];
    payload.issues.push(...issues.map((issue) => ({ ...issue, input: value }) as z.core.$ZodRawIssue));
  });
}
