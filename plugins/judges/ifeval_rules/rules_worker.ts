/**
 * The Worker in which rules are checked that may take long (bounded_rules.ts).
 * @module
 */
import { type CallContext, serve } from "../../../kernels/engine/worker/worker_call.ts";
import type { Rule } from "./bounded_rules.ts";
import { checkRule } from "./constraint_rules.ts";
import { neededModel } from "./check_one.ts";
import type { CheckModels } from "./checks/check.ts";
import { loadCheckModels } from "./models.ts";
import { checkInstructions } from "./verdicts.ts";
import { withinTime } from "../time_limit.ts";

let models: CheckModels | null = null;

serve({
  async ready(_call: CallContext, id: string) {
    const model = neededModel(id);
    if (model === undefined) return;
    models ??= await loadCheckModels();
    // reading it isn't the rule's time
    models[model];
  },
  rule: (_call: CallContext, { id, kwargs }: Rule, response: string, limit: number) =>
    withinTime(limit, () => checkRule(id, kwargs, response, models)),
  instruction: (_call: CallContext, rule: Rule, response: string, limit: number) =>
    withinTime(limit, () => checkInstructions([rule], response, models)),
});
