/**
 * Reading what models answer to the prompts of synthesis.
 * @module
 */
import { z } from "zod";

import type { Completion } from "../../plugins/kinds/endpoint.ts";
import { DraftDropped, type SynthStep } from "./draft.ts";

/**
 * The whole text of an answer.
 * @throws {DraftDropped} If there is none, or it was cut
 */
export function wholeText(completion: Completion, step: SynthStep): string {
  const { outcome, text, error = "" } = completion;
  if (outcome === "length") {
    throw new DraftDropped(step, "cut at its token limit (run_args.max_tokens)", text);
  }
  if (outcome !== "stop") throw new DraftDropped(step, `no answer: ${outcome}`, error);
  const trimmed = text.trim();
  if (trimmed === "") throw new DraftDropped(step, "an empty answer");
  return trimmed;
}

/** Verdict of a check; null where the text has none. The last one counts. */
export function readVerdict(text: string): boolean | null {
  const found = [...text.matchAll(/verdict\W{0,6}(pass|fail)(?!\w)/gi)].at(-1);
  return found === undefined ? null : found[1]?.toLowerCase() === "pass";
}

const Structure = z.object({
  description: z.string(),
  constraints: z.union([
    z.array(z.object({ type: z.string(), text: z.string() })),
    z.literal("NULL").transform(() => []),
  ]),
  input: z.string().nullish().transform((input) =>
    /^\s*(null|none|n\/a)?\s*$/i.test(input ?? "") ? "" : input ?? ""
  ),
});

const Change = z.object({ constraints: z.array(z.string().trim().min(1)).min(1) });

/** An instruction taken apart; null where the text isn't the JSON asked for. */
export function readStructure(text: string): z.output<typeof Structure> | null {
  return readJson(text, Structure);
}

/** Changed constraints; null where the text isn't the JSON asked for. */
export function readChange(text: string): string[] | null {
  return readJson(text, Change)?.constraints.map(withoutMark) ?? null;
}

/** Texts of constraints come back with or without their numbers or dashes. */
export function withoutMark(text: string): string {
  return text.trim().replace(/^(?:[-*•]|\d{1,2}[.)])\s+/, "").trim();
}

function readJson<T>(text: string, schema: z.ZodType<T>): T | null {
  const from = text.indexOf("{"), to = text.lastIndexOf("}");
  if (from < 0 || to < from) return null;
  try {
    return schema.safeParse(JSON.parse(text.slice(from, to + 1))).data ?? null;
  } catch {
    return null;
  }
}
