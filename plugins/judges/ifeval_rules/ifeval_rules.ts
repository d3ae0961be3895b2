/**
 * Judge `ifeval_rules`: IFEval's 25 checks on the response as it is (strict, the verdicts) and on the best of eight variants (the
 * reading `loose`). Overall: all followed strictly.
 *
 * Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models", arXiv 2311.07911.
 * @module
 */
import { z } from "zod";

import { allReach } from "../../kinds/all_reach.ts";
import type { Judge, JudgeRequest } from "../../kinds/judge.ts";
import type { Judgement } from "../../kinds/judgement.ts";
import { definePlugin, type Plugin } from "../../kinds/plugin.ts";
import { BoundedRules, needsLimit, type RuleSet } from "./bounded_rules.ts";
import type { CheckModels } from "./checks/check.ts";
import { CHECKS } from "./checks/mod.ts";
import { IFBENCH_CHECKS } from "./ifbench/mod.ts";
import { taggerHashes } from "./tagger.ts";
import { checkInstructions, type Instruction, type InstructionVerdicts } from "./verdicts.ts";

const Options = z.strictObject({});

/** The plugin, see the module's text. */
const ifevalRules: Plugin<"judge", typeof Options> = definePlugin({
  kind: "judge",
  name: "ifeval_rules",
  version: "1",
  description: "IFEval's 25 checks, strict and loose: same verdict every time, no model asked",
  options: Options,
  create: () => instructionJudge({ of: "ifeval" }),
});
export default ifevalRules;

/**
 * A judge by the rules of a benchmark: strict verdicts as `constraints`, loose ones as the reading `loose`.
 * @throws {RangeError} If a file of the tagger can't be read: names it.
 */
export function instructionJudge(rules: RuleSet & { of: "ifeval" | "ifbench" }): Judge {
  const bounded = new BoundedRules(undefined, rules);
  const checks = rules.of === "ifbench" ? IFBENCH_CHECKS : CHECKS;
  return {
    scale: 1,
    // the rules' version says the rest
    ...(rules.tagger !== undefined && { identity: { tagger: taggerHashes(rules.tagger) } }),
    async judge(request) {
      const loaded = await bounded.models();
      const found: InstructionVerdicts = { strict: [], loose: [] };
      for (const instruction of instructionsOf(request)) {
        const { strict, loose } = needsLimit(instruction, request.response)
          ? await bounded.instruction(instruction, request.response)
          : checkInstructions([instruction], request.response, loaded, checks);
        found.strict.push(...strict);
        found.loose.push(...loose);
      }
      return judgementOf(found);
    },
  };
}

/**
 * Strict verdicts as `constraints`, loose ones as the reading `loose`, with no limit of time; a constraint without a rule names
 * one by its text. Pure.
 */
export function judgeInstructions(
  request: Pick<JudgeRequest, "constraints" | "response">,
  models: CheckModels,
): Judgement {
  return judgementOf(checkInstructions(instructionsOf(request), request.response, models));
}

function instructionsOf({ constraints }: Pick<JudgeRequest, "constraints">): Instruction[] {
  return constraints.map(({ rule, text }) => rule ?? { id: text, kwargs: {} });
}

function judgementOf({ strict, loose }: InstructionVerdicts): Judgement {
  return { constraints: strict, readings: { loose }, overall: allReach(strict), raw: "" };
}
