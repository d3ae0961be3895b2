/**
 * Fields that nobody reads: of what a plugin gives, each is refused; of a product, those that look like one that is read.
 * @module
 */
import { z } from "zod";

import { nearest } from "../../../formats/did_you_mean.ts";
import { misspeltOption, unreadAdvice } from "../shape_fault.ts";
import { fields } from "./schemas.ts";

/** An object with these fields and no others: what another one holds would be lost unseen; one that holds undefined is none. */
export function onlyFields(shape: Record<string, z.ZodType>): z.ZodType {
  const known = Object.keys(shape);
  return fields(shape).pipe(
    z.unknown().superRefine((value, context) => {
      const given = Object.entries(value as object).filter(([, held]) => held !== undefined);
      const unread = given.find(([key]) => !known.includes(key))?.[0];
      if (unread === undefined) return;
      // what is there already isn't what was meant, unless it says nothing
      const filled = given.flatMap(([key, held]) => held === null || held === "" ? [] : [key]);
      const meant = nearest(unread, known.filter((key) => !filled.includes(key)));
      context.addIssue(unreadIssue(unread, meant, ` (${known.join(", ")})`));
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
      context.addIssue(unreadIssue(unread.written, unread.meant));
    }),
  );
}

/** @param meant The field that is read and lacks, which looks like this one */
function unreadIssue(written: string, meant: string | undefined, known = "") {
  return {
    code: "custom" as const,
    path: [written],
    message: `a field that is read${known} is needed${
      meant === undefined ? "" : ` - did you mean "${meant}"?`
    }`,
    params: { advice: unreadAdvice(meant) },
  };
}
