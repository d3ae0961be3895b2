/**
 * Constraints that fit an answer in hindsight.
 * @module
 */
import { Draws } from "../choose.ts";
import type { Draft, InstructionParts, SynthStep } from "../draft.ts";
import type { BankConstraint } from "../rule_bank.ts";
import type { Workshop } from "../workshop.ts";
import { MOST_DRAWS } from "./draw.ts";
import { keepsOne } from "./proof.ts";

/** An answer to an instruction. */
interface Answer {
  /** The step that asked for it. */
  step: SynthStep;
  parts: InstructionParts;
  text: string;
  /** An answer that should break the new constraints, where the bank has such. */
  against?: string | undefined;
}

/**
 * The parts with constraints that an answer keeps in place of those that it breaks, of the same types; null where the bank has none.
 *
 * Zhang et al. 2023, "The Wisdom of Hindsight Makes Language Models Better Instruction Followers", arXiv 2302.05206.
 */
export async function refitted(
  shop: Workshop,
  draft: Draft,
  { step, parts, text, against }: Answer,
): Promise<InstructionParts | null> {
  const choose = new Draws(shop.config.seed, draft.id, step, "hindsight");
  let constraints = [...parts.constraints];
  for (const old of parts.constraints) {
    if (await keepsOne(shop, parts, old, text)) continue;
    const beside = constraints.filter((one) => one !== old);
    let found: BankConstraint | null = null;
    for (let draw = 0; draw < MOST_DRAWS; draw++) {
      const drawn = shop.bank.draw(old.type, { description: parts.description, beside }, choose);
      if (drawn === null) return null;
      if (!await keepsOne(shop, parts, drawn, text)) continue;
      const apart = against === undefined || !await keepsOne(shop, parts, drawn, against);
      if (apart || found === null) found = drawn;
      if (apart) break;
    }
    if (found === null) return null;
    const next = found;
    constraints = constraints.map((one) => one === old ? next : one);
  }
  return { ...parts, constraints };
}
