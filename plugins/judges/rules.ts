/**
 * Judge `rules`: decides each constraint by its rule (IFEval's checks and the project's own), with no model and no network.
 * A constraint scores 1 or 0; one without a rule, or with a rule that isn't known, stays unscored. Overall: 0 as soon as
 * one constraint is broken, 1 when all are kept, unscored otherwise.
 * @module
 */
import { z } from "zod";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import type { JudgeRequest } from "../kinds/judge.ts";
import type { JudgeResult, Verdict } from "../kinds/judgement.ts";
import type { CheckModels } from "./ifeval_rules/checks/check.ts";
import { loadCheckModels } from "./ifeval_rules/models.ts";
import { checkRule, needsModels } from "./constraint_rules.ts";

const Options = z.strictObject({});

/** The plugin, see the module's text. */
const rules: Plugin<"judge", typeof Options> = definePlugin({
  kind: "judge",
  name: "rules",
  version: "1",
  description: "Checks constraints by fixed rules: same verdict every time, no model asked",
  options: Options,
  create: () => {
    let models: Promise<CheckModels> | undefined;
    return {
      scale: 1,
      async judge(request) {
        const needed = request.constraints.some(({ rule }) => rule !== undefined && needsModels(rule.id));
        return judgeByRules(request, needed ? await (models ??= loadCheckModels()) : null);
      },
    };
  },
});
export default rules;

/** The verdicts of the rules on one response; `models` as in {@linkcode checkRule}. Pure. */
export function judgeByRules(
  request: Pick<JudgeRequest, "response" | "constraints">,
  models: CheckModels | null = null,
): JudgeResult {
  const constraints = request.constraints.map(({ rule }): Verdict =>
    rule === undefined
      ? { score: null, reason: "the constraint has no rule" }
      : checkRule(rule.id, rule.kwargs, request.response, models)
  );
  return { constraints, overall: overall(constraints), raw: "" };
}

function overall(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.length === 0) return { score: null, reason: "no constraints" };
  if (verdicts.some((v) => v.score === 0)) return { score: 0 };
  const unscored = verdicts.filter((v) => v.score === null).length;
  return unscored === 0
    ? { score: 1 }
    : { score: null, reason: `${unscored} of ${verdicts.length} unscored` };
}
