/**
 * Judge `rules`: decides each constraint by its rule (IFEval's checks and the project's own), with no model and no network.
 * A constraint scores 1 or 0; one without a rule, with a rule that isn't known, or with one that takes too long, stays unscored. Overall: 0 as soon as
 * one constraint is broken, 1 when all are kept, unscored otherwise.
 * @module
 */
import { z } from "zod";

import type { JudgeRequest } from "../kinds/judge.ts";
import type { Constraint, JudgeResult, Verdict } from "../kinds/judgement.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { BoundedRules, needsLimit } from "./ifeval_rules/bounded_rules.ts";
import { checkRule } from "./ifeval_rules/constraint_rules.ts";
import { neededModel } from "./ifeval_rules/check_one.ts";
import type { CheckModels } from "./ifeval_rules/checks/check.ts";

const Options = z.strictObject({});

/** The plugin, see the module's text. */
const rules: Plugin<"judge", typeof Options> = definePlugin({
  kind: "judge",
  name: "rules",
  version: "2",
  description: "Checks constraints by fixed rules: same verdict every time, no model asked",
  options: Options,
  create: () => {
    const bounded = new BoundedRules();
    return {
      scale: 1,
      async judge({ response, constraints }) {
        const verdicts: Verdict[] = [];
        for (const { rule } of constraints) {
          if (rule !== undefined && needsLimit(rule, response)) {
            verdicts.push(await bounded.check(rule, response));
          } else {
            const needed = rule !== undefined && neededModel(rule.id) !== undefined;
            verdicts.push(verdictOn(rule, response, needed ? await bounded.models() : null));
          }
        }
        return { constraints: verdicts, overall: overall(verdicts), raw: "" };
      },
    };
  },
});
export default rules;

/** The verdicts of the rules on one response, with no limit of time; `models` as in {@linkcode checkRule}. Pure. */
export function judgeByRules(
  { response, constraints }: Pick<JudgeRequest, "response" | "constraints">,
  models: CheckModels | null = null,
): JudgeResult {
  const verdicts = constraints.map(({ rule }) => verdictOn(rule, response, models));
  return { constraints: verdicts, overall: overall(verdicts), raw: "" };
}

function verdictOn(rule: Constraint["rule"], response: string, models: CheckModels | null): Verdict {
  return rule === undefined
    ? { score: null, reason: "the constraint has no rule" }
    : checkRule(rule.id, rule.kwargs, response, models);
}

function overall(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.length === 0) return { score: null, reason: "no constraints" };
  if (verdicts.some((v) => v.score === 0)) return { score: 0 };
  const unscored = verdicts.filter((v) => v.score === null).length;
  return unscored === 0
    ? { score: 1 }
    : { score: null, reason: `${unscored} of ${verdicts.length} unscored` };
}
