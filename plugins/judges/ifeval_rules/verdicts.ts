/**
 * Strict and loose verdicts on one response.
 *
 * Strict: the response as it is. Loose: an instruction is followed if one of eight texts follows it: the response, without
 * its first line, without its last, without both, and these four without "*". Blank texts follow nothing.
 * @module
 */
import { distance } from "fastest-levenshtein";

import type { Verdict } from "../../kinds/judgement.ts";
import type { CheckModels } from "./checks/check.ts";
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

/** Judges a response by its instructions. Never throws: an unknown id or an argument that can't be used gives null. */
export function checkInstructions(
  instructions: readonly Instruction[],
  response: string,
  models: CheckModels,
): InstructionVerdicts {
  const strict = instructions.map((instruction) => checkOne(instruction, response, models));
  const variants = looseVariants(response).slice(1);
  const loose = instructions.map((instruction, i): Verdict => {
    const first = strict[i]!;
    if (first.score !== 0) return first;
    return variants.some((text) => checkOne(instruction, text, models).score === 1) ? { score: 1 } : first;
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

function checkOne({ id, kwargs }: Instruction, response: string, models: CheckModels): Verdict {
  const check = Object.hasOwn(CHECKS, id) ? CHECKS[id]! : undefined;
  if (check === undefined) {
    const near = Object.keys(CHECKS).reduce((a, b) => distance(id, b) < distance(id, a) ? b : a);
    return { score: null, reason: `unknown instruction "${id}": did you mean "${near}"?` };
  }
  const given = Object.fromEntries(Object.entries(kwargs).filter(([, value]) => value !== null));
  const parsed = check.kwargs.safeParse(given);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    return { score: null, reason: `arguments of "${id}": ${[...path, message].join(" ")}` };
  }
  if (strip(response) === "") return { score: 0, reason: "blank response" };
  try {
    return { score: check.follows(response, parsed.data, models) ? 1 : 0 };
  } catch (error) {
    if (error instanceof SyntaxError) return { score: null, reason: `argument of "${id}": ${error.message}` };
    throw error;
  }
}
