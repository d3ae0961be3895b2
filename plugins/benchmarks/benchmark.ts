/**
 * Benchmarks: items to answer and how their verdicts become scores.
 * @module
 */
import type { Message } from "../datasets/dataset.ts";
import type { JudgeRequest, JudgeResult } from "../judges/judge.ts";

/** One item of a benchmark. */
export interface BenchmarkItem {
  id: string;
  messages: Message[];
  constraints: JudgeRequest["constraints"];
  /** Groups to report by, such as `{ type: "Content" }`. */
  groups: Record<string, string>;
}

/** A score of the whole run: `value` null when nothing was scored. */
export interface Score {
  name: string;
  value: number | null;
  scored: number;
  unscored: number;
}

/** The product of a benchmark plugin. */
export interface Benchmark {
  items(): AsyncIterable<BenchmarkItem>;
  score(results: { item: BenchmarkItem; response: string | null; result: JudgeResult | null }[]): Score[];
}
