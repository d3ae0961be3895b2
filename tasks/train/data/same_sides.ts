/**
 * Preference rows without a preference.
 * @module
 */
import type { Example, Message } from "../../../plugins/kinds/dataset.ts";

/** What is the same on both sides of a preference row, in words; null where there is something to prefer. */
export function sameSides(
  { shape, prompts, answers }: Pick<Example, "shape" | "prompts" | "answers">,
): string | null {
  if (shape === "pair" && same([answers["chosen"]], [answers["rejected"]])) {
    return "chosen and rejected answer";
  }
  if (shape !== "iopo") return null;
  if (same([answers["y1"]], [answers["y2"]])) return "answers y1 and y2";
  return same(prompts["x1"] ?? [], prompts["x2"] ?? []) ? "prompts x1 and x2" : null;
}

function same(a: readonly (Message | undefined)[], b: readonly (Message | undefined)[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
