/**
 * Benchmark `constraints`: the bundled, synthetic instructions with constraints that rules can check, held out from the
 * training data of `deno task train`'s default. Needs no network and no judge model.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../../kinds/plugin.ts";
import { checkByJudge } from "../check_by_judge.ts";
import { rowContributions } from "../rows/contributions.ts";
import { readRowItems } from "../rows/read.ts";

const Options = z.strictObject({
  path: z.string().optional().describe("rows whose constraints have rules; default: the 200 that come along"),
});

/** The plugin, see the module's text. */
const constraints: Plugin<"benchmark", typeof Options> = definePlugin({
  kind: "benchmark",
  name: "constraints",
  version: "2",
  description: "Bundled synthetic instructions, every constraint checked by a rule; offline",
  options: Options,
  create({ path }, { registry }) {
    const rules = registry.create("judge", "rules");
    return {
      items: () =>
        readRowItems(path ?? new URL("../../../fixtures/constraints/data/heldout.jsonl", import.meta.url)),
      check: (item, response) => checkByJudge(rules, item, response),
      contributions: rowContributions,
    };
  },
});
export default constraints;
