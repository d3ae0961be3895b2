/**
 * The built-in benchmarks.
 * @module
 */
import type { Plugin } from "../kinds/plugin.ts";
import cfbench from "./cfbench/cfbench.ts";
import constraints from "./constraints/constraints.ts";
import ifbench from "./ifbench/ifbench.ts";
import ifeval from "./ifeval/ifeval.ts";
import rows from "./rows/rows.ts";
import trace from "./trace/trace.ts";

export type {
  Benchmark,
  BenchmarkConstraint,
  BenchmarkItem,
  BenchmarkResult,
  Contribution,
  JudgeProtocol,
  Score,
} from "../kinds/benchmark.ts";
export type { Judgement } from "../kinds/judgement.ts";
export { contribute, findScore, scoreResults, ScoreSums } from "./scores.ts";

/** Built-in benchmark plugins. */
export const benchmarks: readonly Plugin[] = [trace, ifeval, ifbench, cfbench, constraints, rows];
