/**
 * Judge `ifeval_rules`: IFEval's 25 checks on the response as it is (strict, the verdicts) and on the best of eight variants (the
 * reading `loose`). Overall: all followed strictly.
 *
 * Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models", arXiv 2311.07911.
 * @module
 */
import { z } from "zod";

import { allReach } from "../../kinds/all_reach.ts";
import type { JudgeRequest } from "../../kinds/judge.ts";
import type { Judgement } from "../../kinds/judgement.ts";
import { definePlugin, type Plugin } from "../../kinds/plugin.ts";
import type { CheckModels } from "./checks/check.ts";
import { loadCheckModels } from "./models.ts";
import { checkInstructions } from "./verdicts.ts";

const Options = z.strictObject({});

/** The plugin, see the module's text. */
const ifevalRules: Plugin<"judge", typeof Options> = definePlugin({
  kind: "judge",
  name: "ifeval_rules",
  version: "1",
  description: "IFEval's 25 checks, strict and loose: same verdict every time, no model asked",
  options: Options,
  create: () => {
    let models: Promise<CheckModels> | undefined;
    return {
      scale: 1,
      judge: async (request) => judgeInstructions(request, await (models ??= loadCheckModels())),
    };
  },
});
export default ifevalRules;

/** Strict verdicts as `constraints`, loose ones as the reading `loose`; a constraint without a rule names one by its text. */
export function judgeInstructions(
  { constraints, response }: Pick<JudgeRequest, "constraints" | "response">,
  models: CheckModels,
): Judgement {
  const instructions = constraints.map(({ rule, text }) => rule ?? { id: text, kwargs: {} });
  const { strict, loose } = checkInstructions(instructions, response, models);
  return { constraints: strict, readings: { loose }, overall: allReach(strict), raw: "" };
}
