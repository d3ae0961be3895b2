/**
 * Judge `ifbench_rules`: IFBench's 58 checks on the response as it is (strict, the verdicts) and on the best of eight variants (the
 * reading `loose`). Overall: all followed strictly.
 *
 * Pyatkin et al. 2025, "Generalizing Verifiable Instruction Following", arXiv 2507.02833.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { instructionJudge } from "./ifeval_rules/ifeval_rules.ts";

const Options = z.strictObject({
  tagger: z.string().min(1).optional().describe(
    "folder of NLTK's averaged_perceptron_tagger_eng, your copy; default: none, and words:start_verb stays unscored",
  ),
});

/** The plugin, see the module's text. */
const ifbenchRules: Plugin<"judge", typeof Options> = definePlugin({
  kind: "judge",
  name: "ifbench_rules",
  version: "1",
  description: "IFBench's 58 checks, strict and loose: same verdict every time, no model asked",
  options: Options,
  create: ({ tagger }) => instructionJudge({ of: "ifbench", ...(tagger === undefined ? {} : { tagger }) }),
});
export default ifbenchRules;
