/**
 * Benchmark `ifeval`: 541 English prompts with 834 instructions of 25 kinds, each decided by a fixed check, on the
 * response as it is (strict) and on the best of eight variants (loose).
 *
 * Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models", arXiv 2311.07911. Data: Google
 * Research, Apache-2.0, see data/SOURCE.md.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../../kinds/plugin.ts";
import type { BenchmarkItem } from "../../kinds/benchmark.ts";
import { checkByJudge } from "../check_by_judge.ts";
import { instructionContributions, readInstructionItems } from "../instructions.ts";

const Options = z.strictObject({
  path: z.string().optional().describe(
    "rows in the released format; default: the 541 prompts that come along",
  ),
});

/** The plugin, see the module's text. */
const ifeval: Plugin<"benchmark", typeof Options> = definePlugin({
  kind: "benchmark",
  name: "ifeval",
  version: "1",
  description: "IFEval: 25 kinds of verifiable instructions, strict and loose, decided by rules",
  options: Options,
  create({ path }, { registry }) {
    const rules = registry.create("judge", "ifeval_rules");
    return {
      async *items() {
        yield* await readIfevalItems(path);
      },
      check: (item, response) => checkByJudge(rules, item, response),
      contributions: instructionContributions,
    };
  },
});
export default ifeval;

/** The rows of a file, or the 541 that come along, as {@linkcode readInstructionItems} reads them. */
export function readIfevalItems(path?: string): Promise<BenchmarkItem[]> {
  return readInstructionItems(path ?? new URL("data/input_data.jsonl", import.meta.url));
}
