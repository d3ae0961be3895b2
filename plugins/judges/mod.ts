/**
 * The built-in judges.
 * @module
 */
import type { Plugin } from "../plugin.ts";
import rules from "./rules.ts";

/** Built-in judge plugins. */
export const judges: readonly Plugin<"judge">[] = [rules];
