/**
 * A request to a judge as the judges' tests make it, and the scores of a judgement.
 * @module
 */
import { traceProtocol } from "../benchmarks/trace/trace.ts";
import type { BenchmarkItem } from "../kinds/benchmark.ts";
import type { Judgement } from "../kinds/judgement.ts";

/** Never aborted. */
export const never = new AbortController().signal;

const item: BenchmarkItem = {
  id: "i",
  messages: [{ role: "user", content: "Name two trees." }],
  constraints: [{ text: "1. two trees;", groups: {} }, { text: "2. in capitals;", groups: {} }],
  groups: {},
  fields: {},
};
/** A request to judge an answer to it. */
export const request = (response = "OAK, ELM") => ({
  id: "i",
  prompt: "Name two trees.",
  response,
  constraints: item.constraints,
  item,
  protocol: traceProtocol(3),
});
/** Scores of the constraints, then the overall one. */
export const scoreValues = ({ constraints, overall }: Judgement) =>
  [...constraints, overall].map((v) => v.score);
