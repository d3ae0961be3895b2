/**
 * Optimizers by the name that `optim` has for them.
 * @module
 */
import { adafactor } from "./adafactor.ts";
import { type AdamWOptions, adamwRule, adamwStates } from "./adamw.ts";
import { adagrad, rmsprop, sgd } from "./plain_rules.ts";
import type { UpdateRule } from "./rule.ts";

const OTHERS = { adafactor, sgd, adagrad, rmsprop } as const;

/** An optimizer other than AdamW. */
export type OtherRule = keyof typeof OTHERS;

/** Settings of a run's optimizer. */
export interface OptimizerOptions extends AdamWOptions {
  /** Absent: AdamW, which alone reads `betas` and `epsilon`. */
  readonly rule?: OtherRule;
}

/** The rule that settings name. */
export function ruleOf(options: OptimizerOptions): UpdateRule {
  return options.rule === undefined ? adamwRule(options) : OTHERS[options.rule];
}

/** True if a name is an optimizer's other than AdamW's. */
export function isOtherRule(name: string): name is OtherRule {
  return Object.hasOwn(OTHERS, name);
}

/** Name and states of the optimizer that a configuration's `optim` means. */
export function describedRule(optim: string): Pick<UpdateRule, "name" | "states"> {
  return isOtherRule(optim) ? OTHERS[optim] : adamwStates;
}

/** Numbers that an optimizer keeps of a tensor of these sizes. */
export function keptNumbers(optim: string, shape: readonly number[]): number {
  return Object.values(describedRule(optim).states(shape)).reduce((sum, size) => sum + size, 0);
}
