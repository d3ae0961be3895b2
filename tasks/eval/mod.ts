/**
 * Evaluations: configuration, stages, results, comparison, judge cards, and what benchmarks and judges are written with.
 * @module
 */
export { contribute, findScore, outOf, scoreResults, ScoreSums } from "../../plugins/benchmarks/scores.ts";
export { traceProtocol } from "../../plugins/benchmarks/trace/trace.ts";
export { modelJudge } from "../../plugins/judges/model.ts";
export { type RequestSampling, samplingOf } from "../../plugins/kinds/sampling.ts";
export { separateThought, THOUGHT_TAGS, withThoughtApart } from "../../plugins/kinds/thoughts/thoughts.ts";
export {
  parseYaml,
  type Place,
  readYaml,
  type YamlFile,
  type YamlOptions,
  type YamlPath,
} from "../../formats/yaml/yaml.ts";
export { Stopped } from "../ask/stopped.ts";
export {
  type EvalConfig,
  type NamedPlugin,
  readEvalConfig,
  type ResolvedEval,
  resolveEvalConfig,
} from "./config/config.ts";
export { cardOfRun, type CardOptions } from "./judge_card/card_of_run.ts";
export { compareDirectories, compareRuns, type Comparison } from "./compare/compare.ts";
export type { PairedScore } from "./statistics/paired.ts";
export { comparisonText } from "./report/comparison.ts";
export { type AnswerState, type ItemState, ItemStore, type JudgementState } from "./store/item_store.ts";
export { type JudgeCard, judgeCard } from "./judge_card/judge_card.ts";
export type { CardAgreement, Reference } from "./judge_card/judged_answers.ts";
export { judgeCardText } from "./report/judge_card_text.ts";
export { openRun } from "./store/open_run.ts";
export type { BenchmarkPart } from "./parts.ts";
export type { PlaceOf } from "../../plugins/kinds/place.ts";
export type { PlaceEffect, Reordered } from "./judge_card/reorder.ts";
export type { Agreement } from "./results/agreement.ts";
export type { FailureCount } from "../ask/failures.ts";
export type { EvalResults } from "./results/results.ts";
export type { Counts, FromCache, Totals } from "./results/tally.ts";
export type { ThresholdResult } from "./results/thresholds.ts";
export { EVAL_STAGES, type EvalStage, evaluate, type Evaluated, type EvaluateOptions } from "./run.ts";
export type { EvalProvenance } from "./config/run_yaml.ts";
export type { ScoreWithSpread } from "./results/score_table.ts";
export type { Measured } from "./statistics/measured.ts";
export type { Spread } from "./statistics/spread.ts";
export { type StoredItem, storedItems, type StoredRun } from "./store/stored.ts";
export type { Line, LineStore } from "../ask/line_store.ts";
export { FORMATS } from "./config/config_schema.ts";
export type { CacheChoice } from "../ask/response_cache.ts";
export type { Budget, Usage } from "../ask/usage.ts";
