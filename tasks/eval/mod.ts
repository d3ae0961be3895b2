/**
 * Evaluations: configuration, stages, results, comparison, judge cards.
 * @module
 */
export { Stopped } from "./asker.ts";
export {
  type EvalConfig,
  EvaluatorOptions,
  type NamedPlugin,
  readEvalConfig,
  type ResolvedEval,
  resolveEvalConfig,
} from "./config.ts";
export { cardOfRun, type CardOptions } from "./card_of_run.ts";
export { compareRuns, type Comparison, comparisonText, type PairedScore } from "./compare.ts";
export { type AnswerState, type ItemState, ItemStore, type JudgementState } from "./item_store.ts";
export { type JudgeCard, judgeCard, judgeCardText, type Reference } from "./judge_card.ts";
export { openRun } from "./open_run.ts";
export type { BenchmarkPart } from "./parts.ts";
export type { PlaceOf } from "../../plugins/kinds/place.ts";
export type { PlaceEffect, Reordered } from "./reorder.ts";
export { type Agreement, type Counts, type Results } from "./results.ts";
export { EVAL_STAGES, type EvalStage, evaluate, type Evaluated, type EvaluateOptions } from "./run.ts";
export type { EvalProvenance } from "./run_yaml.ts";
export type { ScoreWithSpread } from "./score_table.ts";
export type { Measured } from "./statistics/measured.ts";
export type { Spread } from "./statistics/spread.ts";
export { type StoredItem, storedItems, type StoredRun } from "./stored.ts";
export type { Budget, Usage } from "./usage.ts";
