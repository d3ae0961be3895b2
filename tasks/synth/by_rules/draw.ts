/**
 * Draws from the bank of rules: constraints of x1, and those of x2 that y1 breaks.
 * @module
 */
import { Draws } from "../choose.ts";
import { type Draft, DraftDropped, type InstructionParts, type SynthConstraint } from "../draft.ts";
import type { BankConstraint } from "../rule_bank.ts";
import { instructionOf, type Workshop } from "../workshop.ts";
import { breaksOne } from "./proof.ts";

/** Draws until something fits, at most. */
export const MOST_DRAWS = 60;

/**
 * Draws the constraints that the slot wants.
 * @throws {DraftDropped} If the bank has none that fit the seed and each other
 */
export function drawInstruction(shop: Workshop, draft: Draft): void {
  const choose = new Draws(shop.config.seed, draft.id, "constraints");
  const description = draft.seed.text;
  for (let draw = 0; draw < MOST_DRAWS; draw++) {
    const constraints: BankConstraint[] = [];
    for (const type of choose.shuffled(draft.slot.types)) {
      const next = shop.bank.draw(type, { description, beside: constraints }, choose);
      if (next === null) break;
      constraints.push(next);
    }
    if (constraints.length < draft.slot.types.length) continue;
    draft.parts = { description, constraints, input: "" };
    draft.x1 = instructionOf(shop, draft.parts);
    return;
  }
  throw new DraftDropped(
    "structure",
    "the bank has no such constraints beside each other",
    draft.slot.types.join(", "),
  );
}

/**
 * Constraints of x2, drawn until the rules prove that y1 breaks one of them.
 * @throws {DraftDropped} If none were found
 */
export async function drawSecond(
  shop: Workshop,
  draft: Draft,
  parts: InstructionParts,
  y1: string,
): Promise<SynthConstraint[]> {
  const choose = new Draws(shop.config.seed, draft.id, "change");
  for (let draw = 0; draw < MOST_DRAWS; draw++) {
    const constraints = drawChange(shop, draft, { parts, y1 }, choose);
    if (constraints !== null && await breaksOne(shop, { ...parts, constraints }, y1)) return constraints;
  }
  throw new DraftDropped(
    "change",
    "no change of the constraints was found that y1 breaks",
    instructionOf(shop, parts),
  );
}

function drawChange(
  { bank, taxonomy }: Workshop,
  draft: Draft,
  { parts: { description, constraints }, y1 }: { parts: InstructionParts; y1: string },
  choose: Draws,
): SynthConstraint[] | null {
  let kept = choose.shuffled(constraints);
  if (draft.slot.operation === "remove") kept = kept.slice(1);
  const [old, ...rest] = kept;
  if (old === undefined) return null;
  // another value of the same rule where it has one, else another rule of the type
  const context = { description, beside: rest, answer: y1 };
  const same = choose.fraction() < 0.7 ? bank.draw(old.type, context, choose, old.rule?.id) : null;
  const other = same !== null && same.text !== old.text ? same : bank.draw(old.type, context, choose);
  if (other === null || other.text === old.text) return null;
  // the rest stands where it stood
  const next: SynthConstraint[] = constraints.filter((one) => one === old || rest.includes(one)).map((one) =>
    one === old ? other : one
  );
  if (draft.slot.operation !== "add") return next;
  const types = Object.keys(taxonomy.types).filter((type) => bank.types.has(type));
  const more = bank.draw(choose.one(types, (type) => taxonomy.types[type]?.weight ?? 0), {
    description,
    beside: next,
    answer: y1,
  }, choose);
  return more === null ? null : [...next, more];
}
