/**
 * Options of every built-in endpoint about thoughts in its texts; `withThoughtApart` says what is done with them.
 * @module
 */
import { z } from "zod";

import type { Completion } from "../kinds/endpoint.ts";
import { THOUGHT_TAGS } from "../kinds/thoughts/thoughts.ts";
import { type ThoughtTags } from "../kinds/endpoint.ts";

/** Pairs of an opening and a closing tag. */
export const thoughtTags: z.ZodDefault<z.ZodArray<z.ZodTuple<[z.ZodString, z.ZodString], null>>> = z.array(
  z.tuple([z.string().min(1), z.string().min(1)]),
).default(THOUGHT_TAGS.map(([open, close]): [string, string] => [open, close])).describe(
  `pairs of tags around thoughts, which are set apart and not scored, such as [["<think>", "</think>"]]; ` +
    "[]: texts are answers as they are",
);

/** True if texts begin inside of a thought. */
export const thoughtOpened: z.ZodDefault<z.ZodBoolean> = z.boolean().default(false).describe(
  "whether the chat template opens the thought, so that a text without a closing tag is all thought",
);

/** The completion with the opening tag that the chat template wrote, if it did. */
export function withOpening(
  completion: Completion,
  [tags]: readonly ThoughtTags[],
  opened: boolean,
): Completion {
  const { outcome, text, thought } = completion;
  if (!opened || tags === undefined || thought !== undefined) return completion;
  const [open] = tags;
  const begun = text.trimStart().toLowerCase().startsWith(open.toLowerCase());
  return begun || (outcome !== "stop" && outcome !== "length")
    ? completion
    : { ...completion, text: `${open}${text}` };
}
