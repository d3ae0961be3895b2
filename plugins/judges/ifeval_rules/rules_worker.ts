/**
 * The Worker in which rules are checked that may take long (bounded_rules.ts).
 * @module
 */
import { type CallContext, serve } from "../../../kernels/engine/worker/worker_call.ts";
import type { Rule, RuleSet } from "./bounded_rules.ts";
import { checkRule } from "./constraint_rules.ts";
import { neededModel } from "./check_one.ts";
import type { CheckModels } from "./checks/check.ts";
import { CHECKS } from "./checks/mod.ts";
import { IFBENCH_CHECKS } from "./ifbench/mod.ts";
import { loadCheckModels } from "./models.ts";
import { checkInstructions } from "./verdicts.ts";
import { withinTime } from "../time_limit.ts";

let models: CheckModels | null = null;
let checks = CHECKS;

serve({
  async ready(_call: CallContext, id: string, { of, tagger }: RuleSet = {}) {
    checks = of === "ifbench" ? IFBENCH_CHECKS : CHECKS;
    const model = neededModel(id);
    if (model === undefined) return;
    models ??= await loadCheckModels(tagger);
    // reading it isn't the rule's time
    models[model];
  },
  rule: (_call: CallContext, { id, kwargs }: Rule, response: string, limit: number) =>
    withinTime(limit, () => checkRule(id, kwargs, response, models)),
  instruction: (_call: CallContext, rule: Rule, response: string, limit: number) =>
    withinTime(limit, () => checkInstructions([rule], response, models, checks)),
});
