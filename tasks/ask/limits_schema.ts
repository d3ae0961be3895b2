/**
 * Keys of a file that bound what a run may ask.
 * @module
 */
import { z } from "zod";

const positive = () => z.number().positive().optional();

/** `max_retries`. */
export const MaxRetries: z.ZodDefault<z.ZodInt> = z.int().min(0).default(6).describe(
  "how often a request is sent again after an error that may pass",
);

/** `budget`: limits above 0 by what they are of. */
export const BudgetLimits: z.ZodDefault<
  z.ZodObject<
    Record<"tokens" | "requests" | "money" | "seconds", z.ZodOptional<z.ZodNumber>>,
    z.core.$strict
  >
> = z.strictObject({
  tokens: positive().describe("of requests and answers together"),
  requests: positive().describe("sent, retries included"),
  money: positive().describe("by args.prices of the endpoints"),
  seconds: positive().describe("since the start"),
}).default({}).describe("limits of one start; running again continues with a fresh budget");
