/**
 * Proofs by rules that an answer keeps or breaks constraints.
 * @module
 */
import type { InstructionParts, SynthConstraint } from "../draft.ts";
import type { Workshop } from "../workshop.ts";

/** True if the rules prove that an answer breaks a constraint. */
export async function breaksOne(
  { evaluation }: Workshop,
  parts: InstructionParts,
  text: string,
): Promise<boolean> {
  return (await evaluation.byRules(parts, text)).some(({ kept }) => kept === false);
}

/** True if the rules prove that an answer keeps one constraint. */
export async function keepsOne(
  { evaluation }: Workshop,
  parts: InstructionParts,
  one: SynthConstraint,
  text: string,
): Promise<boolean> {
  return (await evaluation.byRules({ ...parts, constraints: [one] }, text)).every(({ kept }) =>
    kept === true
  );
}
