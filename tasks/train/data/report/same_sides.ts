/**
 * Preference rows without a preference.
 * @module
 */
import type { Example, Message } from "../../../../plugins/kinds/dataset.ts";

type Sides = Pick<Example, "shape" | "prompts" | "answers">;

/** Two sides of a preference row that should differ and don't. */
export interface Alike {
  /** In words, such as "chosen and rejected answer". */
  what: string;
  /** True if the two have other white space. */
  butSpace: boolean;
}

/** The parts that are the same on both sides of a preference row, white space apart; null where there is something to prefer. */
export function sameSides(example: Sides): Alike | null {
  const exact = sameBy(example, (text) => text);
  if (exact !== null) return { what: exact, butSpace: false };
  const spaced = sameBy(example, (text) => text.replaceAll(/\s+/g, ""));
  return spaced === null ? null : { what: spaced, butSpace: true };
}

function sameBy({ shape, prompts, answers }: Sides, plain: (text: string) => string): string | null {
  const isSame = (a: readonly (Message | undefined)[] = [], b: readonly (Message | undefined)[] = []) =>
    textOf(a, plain) === textOf(b, plain);
  if (shape === "pair" && isSame([answers["chosen"]], [answers["rejected"]])) {
    return "chosen and rejected answer";
  }
  if (shape !== "iopo") return null;
  if (isSame([answers["y1"]], [answers["y2"]])) return "answers y1 and y2";
  return isSame(prompts["x1"], prompts["x2"]) ? "prompts x1 and x2" : null;
}

/** Without the fields of a record that may number or rate it. */
function textOf(messages: readonly (Message | undefined)[], plain: (text: string) => string): string {
  return JSON.stringify(
    messages.map((message) =>
      message &&
      [message.role, ...[message.content, message.said ?? "", message.thought ?? ""].map(plain)]
    ),
  );
}
