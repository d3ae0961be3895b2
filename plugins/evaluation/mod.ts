/**
 * Evaluations: configuration, stages, results, comparison, judge cards.
 * @module
 */
export { type EvalConfig, EvaluatorOptions, readEvalConfig, type ResolvedEval } from "./config.ts";
export { compareRuns, type Comparison, comparisonText, type PairedScore } from "./compare.ts";
export { cardOfRun, type CardOptions } from "./card_of_run.ts";
export { type JudgeCard, judgeCard, judgeCardText, type Reference } from "./judge_card.ts";
export { type PlaceEffect, type Reordered } from "./reorder.ts";
export { openRun } from "./open_run.ts";
export { type Agreement, type Counts, type Results } from "./results.ts";
export { evaluate, type Evaluated, type EvaluateOptions, type Stage, STAGES } from "./run.ts";
export { type ScoreWithSpread } from "./score_table.ts";
export { type Budget, type Usage } from "./usage.ts";
