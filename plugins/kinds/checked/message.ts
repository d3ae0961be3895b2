/**
 * Check of one message of a conversation.
 * @module
 */
import type { z } from "zod";

import { onlyFields } from "./fields_only.ts";
import { anyText, flag, listOf, oneOfNames, orNothing } from "./schemas.ts";

const parts = {
  role: oneOfNames("system", "user", "assistant", "tool", "function"),
  content: anyText,
  said: orNothing(anyText),
  thought: orNothing(anyText),
  fields: orNothing(anyText),
  learnt: orNothing(flag),
};

/** A message: who says it, its text, and no field that nobody reads. */
export const message: z.ZodType = onlyFields({ ...parts, results: orNothing(listOf(onlyFields(parts))) });
