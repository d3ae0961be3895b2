/**
 * Benchmark `constraints`: the bundled, synthetic instructions with constraints that rules can check, held out from the
 * training data of `deno task train`'s default. Needs no network and no judge model.
 * @module
 */
import { z } from "zod";

import { judgeByRules } from "../../judges/rules.ts";
import { definePlugin, type Plugin } from "../../kinds/plugin.ts";
import { needsModels } from "../../judges/constraint_rules.ts";
import type { CheckModels } from "../../judges/ifeval_rules/checks/check.ts";
import { loadCheckModels } from "../../judges/ifeval_rules/models.ts";
import { rowContributions } from "../rows/contributions.ts";
import { readRowItems } from "../rows/read.ts";

const Options = z.strictObject({
  path: z.string().optional().describe("rows whose constraints have rules; default: the 200 that come along"),
});

/** The plugin, see the module's text. */
const constraints: Plugin<"benchmark", typeof Options> = definePlugin({
  kind: "benchmark",
  name: "constraints",
  version: "1",
  description: "Bundled synthetic instructions, every constraint checked by a rule; offline",
  options: Options,
  create({ path }) {
    let models: Promise<CheckModels> | undefined;
    return {
      items: () =>
        readRowItems(path ?? new URL("../../../fixtures/constraints/data/heldout.jsonl", import.meta.url)),
      async check(item, response) {
        const needed = item.constraints.some(({ rule }) => rule !== undefined && needsModels(rule.id));
        const found = needed ? await (models ??= loadCheckModels()) : null;
        return judgeByRules({ response, constraints: item.constraints }, found);
      },
      contributions: rowContributions,
    };
  },
});
export default constraints;
