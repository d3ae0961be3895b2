/**
 * A map that is handed on as it came.
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
