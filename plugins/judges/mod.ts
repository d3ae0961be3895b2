/**
 * The built-in judges.
 * @module
 */
import type { Plugin } from "../kinds/plugin.ts";
import ifbenchRules from "./ifbench_rules.ts";
import ifevalRules from "./ifeval_rules/ifeval_rules.ts";
import model from "./model.ts";
import panel from "./panel.ts";
import recorded from "./recorded.ts";
import rules from "./rules.ts";

/** Built-in judge plugins. */
export const judges: readonly Plugin[] = [rules, ifevalRules, ifbenchRules, model, panel, recorded];
