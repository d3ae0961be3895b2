/**
 * Synthesis with judge models (`verify: judge`), the five stages of TRACE and the preference data of IOPO: constraint expansion,
 * instruction structuring, quality control, response generation, response evaluation; then a worse answer for DPO, and x2, y2
 * and the check of the group for IOPO. Constraints with a rule are checked by it.
 *
 * Zhang et al. 2025, arXiv 2411.06208, section 4.1 and appendices B to D. The prompts are ours.
 * @module
 */
import { readChange, wholeText } from "./answers.ts";
import { askGenerator, ROUNDS } from "./by_judge/ask.ts";
import { folded } from "./by_judge/expand.ts";
import { refuseFailed, verdicts } from "./by_judge/verdicts.ts";
import {
  type Draft,
  DraftDropped,
  type InstructionParts,
  type SynthConstraint,
  type SynthStep,
} from "./draft.ts";
import { instructionOf, made, parts2Of, refuseExcluded, type Workshop } from "./workshop.ts";

/**
 * The steps behind the check for duplicates: answers, their evaluation, preference data.
 * @throws {DraftDropped} If the draft is given up
 */
export async function makeByJudge(shop: Workshop, draft: Draft): Promise<void> {
  const { views } = shop.config;
  const parts = made(draft.parts, "parts"), x1 = made(draft.x1, "x1");
  draft.y1 = await response(shop, draft, "answer", x1);
  await refuseUnlessKept(shop, draft, { step: "evaluation", parts, text: draft.y1 });
  if (views.includes("dpo")) await makeWorse(shop, draft, parts, draft.y1);
  if (views.includes("iopo")) await makeSecond(shop, draft, parts, { x1, y1: draft.y1 });
}

async function response(shop: Workshop, draft: Draft, step: SynthStep, instruction: string): Promise<string> {
  return wholeText(
    await askGenerator(shop, draft, { step, content: shop.prompts.respond(instruction) }),
    step,
  );
}

async function refuseUnlessKept(
  shop: Workshop,
  draft: Draft,
  { step, parts, text }: { step: SynthStep; parts: InstructionParts; text: string },
): Promise<void> {
  const found = await shop.evaluation.check(shop.asker, { draft, step, parts, response: text });
  if (!found.kept) throw new DraftDropped(step, found.reason, found.example);
}

async function refuseIfKept(
  shop: Workshop,
  draft: Draft,
  { step, parts, text, reason }: { step: SynthStep; parts: InstructionParts; text: string; reason: string },
): Promise<void> {
  const found = await shop.evaluation.check(shop.asker, { draft, step, parts, response: text });
  if (found.kept) throw new DraftDropped(step, reason, text);
  if (!found.known) throw new DraftDropped(step, found.reason, found.example);
}

async function makeWorse(
  shop: Workshop,
  draft: Draft,
  parts: InstructionParts,
  answer: string,
): Promise<void> {
  const prompt = shop.prompts.fill("worse", { parts: shop.prompts.parts(parts), answer });
  const text = wholeText(await askGenerator(shop, draft, { step: "worse", content: prompt }), "worse");
  if (text === answer) throw new DraftDropped("worse", "the same answer again", text);
  await refuseIfKept(shop, draft, { step: "worse", parts, text, reason: "it keeps all constraints too" });
  draft.worse = text;
  draft.worseOrigin = "written to be worse";
}

async function makeSecond(
  shop: Workshop,
  draft: Draft,
  parts: InstructionParts,
  { x1, y1 }: { x1: string; y1: string },
): Promise<void> {
  draft.constraints2 = await changed(shop, draft, parts, y1);
  const parts2 = parts2Of(draft);
  draft.x2 = instructionOf(shop, parts2);
  refuseExcluded(shop, "exclusion of x2", draft.x2);
  draft.y2 = await response(shop, draft, "answer to x2", draft.x2);
  await refuseUnlessKept(shop, draft, { step: "evaluation of y2", parts: parts2, text: draft.y2 });
  if (shop.config.cross_check) {
    await refuseIfKept(shop, draft, {
      step: "cross-check",
      parts: parts2,
      text: y1,
      reason: "y1 keeps x2 too",
    });
    await refuseIfKept(shop, draft, {
      step: "cross-check",
      parts,
      text: draft.y2,
      reason: "y2 keeps x1 too",
    });
  }
  const found = await verdicts(shop, draft, "group", {
    instruction: x1,
    answer: y1,
    instruction2: draft.x2,
    answer2: draft.y2,
  });
  shop.agreements.group.add(found.passed);
  refuseFailed(found);
}

async function changed(
  shop: Workshop,
  draft: Draft,
  parts: InstructionParts,
  answer: string,
): Promise<SynthConstraint[]> {
  const { operation } = draft.slot;
  const prompt = shop.prompts.fill(`change_${operation}`, { parts: shop.prompts.parts(parts), answer });
  let text = "";
  for (let round = 0; round < ROUNDS; round++) {
    text = wholeText(await askGenerator(shop, draft, { step: "change", content: prompt, round }), "change");
    const read = readChange(text);
    if (read === null) continue;
    const next = read.map((one): SynthConstraint =>
      parts.constraints.find((old) => folded(old.text) === folded(one)) ??
        { text: one, type: "", dimension: "" }
    );
    refuseOtherOperation(operation, parts.constraints, next);
    return next;
  }
  throw new DraftDropped("change", "the answer isn't the JSON asked for", text);
}

function refuseOtherOperation(
  operation: Draft["slot"]["operation"],
  before: readonly SynthConstraint[],
  after: readonly SynthConstraint[],
): void {
  const more = after.length - before.length, same = before.every((one) => after.includes(one));
  const fits = operation === "add" ? more > 0 : operation === "remove" ? more < 0 : more === 0 && !same;
  if (fits) return;
  throw new DraftDropped(
    "change",
    `not what ${operation} asks for`,
    after.map(({ text }) => text).join("\n"),
  );
}
