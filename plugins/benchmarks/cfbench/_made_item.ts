/**
 * An item of CFBench for tests.
 * @module
 */
import type { BenchmarkItem } from "../../kinds/benchmark.ts";
import { cfbenchItem } from "./cfbench.ts";

/** An item with these criteria. */
export function criteriaItem(...criteria: [text: string, priority: "主需" | "次需"][]): BenchmarkItem {
  return cfbenchItem({
    idx: "0",
    prompt: "问",
    gold: "",
    split: "easy",
    criteria: criteria.map(([t, p]) => [t, p, "内容约束"]),
  });
}
