/**
 * The 25 instruction checks of IFEval by id, one file per family.
 *
 * Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models", arXiv 2311.07911.
 * @module
 */
import { changeCase } from "./change_case.ts";
import type { Check } from "./check.ts";
import { combination } from "./combination.ts";
import { detectableContent } from "./detectable_content.ts";
import { detectableFormat } from "./detectable_format.ts";
import { keywords } from "./keywords.ts";
import { language } from "./language.ts";
import { lengthConstraints } from "./length_constraints.ts";
import { punctuation } from "./punctuation.ts";
import { startend } from "./startend.ts";

/** Every check by its id. Frozen. */
export const CHECKS: Readonly<Record<string, Check>> = Object.freeze({
  ...keywords,
  ...language,
  ...lengthConstraints,
  ...detectableContent,
  ...detectableFormat,
  ...combination,
  ...startend,
  ...changeCase,
  ...punctuation,
});
