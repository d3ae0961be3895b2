/**
 * The 58 constraint checks of IFBench by id, one file per family.
 *
 * Pyatkin et al. 2025, "Generalizing Verifiable Instruction Following", arXiv 2507.02833. They decide as the code of
 * allenai/IFBench at 1d62c1d does; where that code stops with an error, a constraint isn't followed.
 * @module
 */
import type { Check } from "../checks/check.ts";
import { counts } from "./count.ts";
import { customs } from "./custom.ts";
import { formats } from "./format.ts";
import { ratios } from "./ratio.ts";
import { repeats } from "./repeat.ts";
import { sentenceChecks } from "./sentence_checks.ts";
import { wordChecks } from "./word_checks.ts";

/** Every check by its id. Frozen. */
export const IFBENCH_CHECKS: Readonly<Record<string, Check>> = Object.freeze({
  ...counts,
  ...ratios,
  ...wordChecks,
  ...sentenceChecks,
  ...formats,
  ...customs,
  ...repeats,
});
