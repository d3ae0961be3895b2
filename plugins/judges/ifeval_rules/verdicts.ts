/**
 * Strict and loose verdicts on one response.
 *
 * Strict: the response as it is. Loose: an instruction is followed if one of eight texts follows it: the response, without
 * its first line, without its last, without both, and these four without "*". Blank texts follow nothing.
 * @module
 */
import type { Verdict } from "../../kinds/judgement.ts";
import { checkOne } from "./check_one.ts";
import type { Check, CheckModels } from "./checks/check.ts";
import { CHECKS } from "./checks/mod.ts";
import { strip } from "../../../formats/python_text.ts";

/** An instruction: the id of a check and its arguments; null arguments count as not given. */
export interface Instruction {
  /** Such as `keywords:existence`. */
  id: string;
  /** Arguments of the check. */
  kwargs: Record<string, unknown>;
}

/** Verdicts in the order of the instructions: 1 followed, 0 not, null undecided with a reason. */
export interface InstructionVerdicts {
  /** On the response as it is. */
  strict: Verdict[];
  /** On the best of eight variants. */
  loose: Verdict[];
}

/**
 * Judges a response by its instructions. Never throws: an unknown id or an argument that can't be used gives null.
 * @param checks Table of checks by id; default: IFEval's.
 */
export function checkInstructions(
  instructions: readonly Instruction[],
  response: string,
  models: CheckModels | null,
  checks: Readonly<Record<string, Check>> = CHECKS,
): InstructionVerdicts {
  const strict = instructions.map((instruction) => checkOne(checks, instruction, response, models));
  const variants = looseVariants(response).slice(1);
  const loose = instructions.map((instruction, i): Verdict => {
    const first = strict[i];
    if (first?.score !== 0) return first ?? { score: null, reason: "no verdict" };
    return variants.some((text) => checkOne(checks, instruction, text, models).score === 1)
      ? { score: 1 }
      : first;
  });
  return { strict, loose };
}

/** The eight texts of the loose reading, the response itself first; lines end at \n. */
export function looseVariants(response: string): string[] {
  const lines = response.split("\n");
  const cut = [[1, lines.length], [0, -1], [1, -1]].map(([from, to]) =>
    strip(lines.slice(from, to).join("\n"))
  );
  const texts = [response, ...cut];
  return [...texts, ...texts.map((text) => text.replaceAll("*", ""))];
}
