/**
 * vLLM's fields for answers that are held to a form: `structured_outputs`, and `guided_…`, which its versions before 0.12 called them by.
 * @module
 */
import { z } from "zod";

const json = z.union(
  [z.string().min(1), z.record(z.string(), z.unknown())],
  "needs a JSON schema, as an object or as its text",
);
const regex = z.string().min(1);
const choice = z.array(z.string()).min(1);

/** Fields of both kinds of request. */
export const structured = {
  structured_outputs: z.strictObject({
    json: json.nullish(),
    regex: regex.nullish(),
    choice: choice.nullish(),
    json_object: z.boolean().nullish(),
    grammar: z.null("grammars of a client's own aren't followed here: use regex, choice or json").optional(),
    structural_tag: z.null("use tools with strict: true").optional(),
    whitespace_pattern: z.null("JSON is on one line here, a blank behind commas and colons: leave it out")
      .optional(),
    // JSON is on one line either way, and there is one grammar library
    disable_any_whitespace: z.boolean().nullish(),
    disable_fallback: z.boolean().nullish(),
    disable_additional_properties: z.literal(false, "say additionalProperties in the schema").nullish(),
  }).nullish(),
  guided_json: json.nullish(),
  guided_regex: regex.nullish(),
  guided_choice: choice.nullish(),
};
