/**
 * Benchmark `ifbench`: prompts with constraints of 58 kinds that models weren't trained on, each decided by a fixed check, on the
 * response as it is (strict) and on the best of eight variants (loose).
 *
 * Pyatkin et al. 2025, "Generalizing Verifiable Instruction Following", arXiv 2507.02833. The data (ODC-BY 1.0, with texts under
 * terms of others) doesn't come along: `path` names a person's own copy of IFBench_test.jsonl.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../../kinds/plugin.ts";
import type { BenchmarkItem } from "../../kinds/benchmark.ts";
import { checkByJudge } from "../check_by_judge.ts";
import { instructionContributions, readInstructionItems } from "../instructions.ts";
import { ofOwnCopy } from "../own_copy.ts";

const Options = z.strictObject({
  path: z.string().describe("IFBench_test.jsonl of allenai/IFBench, or rows in its format"),
  tagger: z.string().min(1).optional().describe(
    "folder of NLTK's averaged_perceptron_tagger_eng, your copy; default: none, and words:start_verb stays unscored",
  ),
});

/** The plugin, see the module's text. */
const ifbench: Plugin<"benchmark", typeof Options> = definePlugin({
  kind: "benchmark",
  name: "ifbench",
  version: "1",
  description: "IFBench: 58 kinds of new verifiable constraints, strict and loose, decided by rules",
  options: Options,
  create({ path, tagger }, { registry }) {
    const rules = registry.create("judge", "ifbench_rules", tagger === undefined ? {} : { tagger });
    return {
      async *items() {
        // a tagger that isn't one is told before a model is asked anything
        const nothing = { id: "", prompt: "", response: "", constraints: [] };
        if (tagger !== undefined) await rules.judge(nothing, new AbortController().signal);
        yield* ofOwnCopy(readItems(path), "IFBench_test.jsonl of allenai/IFBench");
      },
      check: (item, response) => checkByJudge(rules, item, response),
      contributions: instructionContributions,
      ...(rules.identity && { identity: rules.identity }),
    };
  },
});
export default ifbench;

async function* readItems(path: string): AsyncGenerator<BenchmarkItem> {
  yield* await readInstructionItems(path);
}
