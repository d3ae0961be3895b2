/**
 * Fields that nobody reads: of what a plugin gives, each is refused; of a product, those that look like one that is read.
 * @module
 */
import { z } from "zod";

import { didYouMean } from "../../../formats/did_you_mean.ts";
import { misspeltOption } from "../shape_fault.ts";
import { fields } from "./maker.ts";

/** An object with these fields and no others: what another one holds would be lost unseen; one that holds undefined is none. */
export function onlyFields(shape: Record<string, z.ZodType>): z.ZodType {
  const known = Object.keys(shape);
  return fields(shape).pipe(
    z.unknown().superRefine((value, context) => {
      const unread = Object.entries(value as object)
        .find(([key, held]) => held !== undefined && !known.includes(key))?.[0];
      if (unread === undefined) return;
      const message = `a field that is read (${known.join(", ")}) is needed${didYouMean(unread, known)}`;
      context.addIssue({ code: "custom", path: [unread], message });
    }),
  );
}

/** A product with these fields, of which no other looks like an optional one that it lacks. */
export function productFields(
  required: Record<string, z.ZodType>,
  optional: Record<string, z.ZodType>,
): z.ZodType {
  return fields({ ...required, ...optional }).pipe(
    z.unknown().superRefine((value, context) => {
      const unread = misspeltOption(value as object, Object.keys(optional), Object.keys(required));
      if (unread === undefined) return;
      const message = `a field that is read is needed - did you mean "${unread.meant}"?`;
      context.addIssue({ code: "custom", path: [unread.written], message });
    }),
  );
}
