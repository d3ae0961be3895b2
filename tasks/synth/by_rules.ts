/**
 * Synthesis without a judge (`verify: rules`): constraints come from the bank, answers are asked for until the rules prove that one
 * keeps them, and x2 is drawn until the rules prove that y1 breaks it; then y2 must keep x2 and break x1. Any model will do, as
 * nothing rests on its word.
 *
 * In the paper x2 adds, removes or revises constraints. Rules show that adding or removing alone leaves one answer that fits both
 * inputs, so here each of them also revises another constraint.
 * @module
 */
import type { Draft, InstructionParts, WorseOrigin } from "./draft.ts";
import { DraftDropped } from "./draft.ts";
import { answered, answerThat, triesOf } from "./by_rules/answers_kept.ts";
import { drawSecond } from "./by_rules/draw.ts";
import { breaksOne } from "./by_rules/proof.ts";
import { instructionOf, made, parts2Of, refuseExcluded, type Workshop } from "./workshop.ts";

export { drawInstruction } from "./by_rules/draw.ts";

/**
 * The steps behind the check for duplicates.
 * @throws {DraftDropped} If the draft is given up
 */
export async function makeByRules(shop: Workshop, draft: Draft): Promise<void> {
  const { views } = shop.config;
  const parts = made(draft.parts, "parts");
  const broken: string[] = [];
  const first = await answerThat(shop, draft, {
    step: "answer",
    parts,
    broken,
    fault: () => Promise.resolve(null),
  });
  draft.y1 = first.text;
  draft.parts = first.parts;
  draft.x1 = instructionOf(shop, first.parts);
  if (first.parts !== parts) refuseExcluded(shop, "answer", draft.x1);
  if (views.includes("iopo")) await makeSecond(shop, draft, first.parts, draft.y1);
  if (!views.includes("dpo")) return;
  await makeWorse(shop, draft, first.parts, broken);
}

/** An answer to x1 that the rules prove to break it: a try on the way, one to the bare task, else y2. */
async function makeWorse(
  shop: Workshop,
  draft: Draft,
  parts: InstructionParts,
  broken: readonly string[],
): Promise<void> {
  const set = (text: string, origin: WorseOrigin) => {
    draft.worse = text;
    draft.worseOrigin = origin;
  };
  const tried = await firstBroken(shop, parts, broken);
  if (tried !== undefined) return set(tried, "a try at x1 that broke it");
  // y2 would do as well, but teaches DPO only what IOPO without the input preference learns
  const bare = await brokenAnswer(shop, draft, parts);
  if (bare !== undefined) return set(bare, "an answer to the task without its constraints");
  if (draft.y2 !== undefined) return set(draft.y2, "y2, as no other broken answer was found");
  throw new DraftDropped(
    "worse",
    `no answer of ${triesOf(shop.config)} without the constraints breaks one`,
    draft.x1 ?? "",
  );
}

async function makeSecond(shop: Workshop, draft: Draft, parts: InstructionParts, y1: string): Promise<void> {
  draft.constraints2 = await drawSecond(shop, draft, parts, y1);
  const parts2 = parts2Of(draft);
  draft.x2 = instructionOf(shop, parts2);
  refuseExcluded(shop, "exclusion of x2", draft.x2);
  const second = await answerThat(
    shop,
    draft,
    {
      step: "answer to x2",
      parts: parts2,
      broken: [],
      fault: async (text, kept) =>
        !await breaksOne(shop, parts, text)
          ? "it keeps x1 too"
          : kept !== parts2 && !await breaksOne(shop, kept, y1)
          ? "y1 keeps x2 too"
          : null,
    },
  );
  draft.y2 = second.text;
  if (second.parts === parts2) return;
  draft.constraints2 = second.parts.constraints;
  draft.x2 = instructionOf(shop, second.parts);
  refuseExcluded(shop, "exclusion of x2", draft.x2);
}

async function firstBroken(
  shop: Workshop,
  parts: InstructionParts,
  texts: readonly string[],
): Promise<string | undefined> {
  for (const text of texts) if (await breaksOne(shop, parts, text)) return text;
  return undefined;
}

/** An answer to the task without its constraints that breaks one of them; undefined where no try does. */
async function brokenAnswer(
  shop: Workshop,
  draft: Draft,
  parts: InstructionParts,
): Promise<string | undefined> {
  const plain = { ...parts, constraints: [] };
  for (let number = 0; number < triesOf(shop.config); number++) {
    const text = await answered(shop, draft, { step: "worse", parts: plain, number });
    if (typeof text === "string" && await breaksOne(shop, parts, text)) return text;
  }
  return undefined;
}
