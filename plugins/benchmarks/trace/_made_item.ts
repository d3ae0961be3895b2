/**
 * An item of TRACE with made constraints, and replies about it, for tests.
 * @module
 */
import type { BenchmarkItem } from "../../kinds/benchmark.ts";
import type { Judgement } from "../../kinds/judgement.ts";

/** An item with these constraints. */
export function constraintItem(...texts: string[]): BenchmarkItem {
  return {
    id: "x",
    messages: [{ role: "user", content: "Do it." }],
    constraints: texts.map((text) => ({ text, groups: { type: "Content", dimension: "Theme" } })),
    groups: { constraints: String(texts.length) },
    fields: { query: "Do it.", constraints: texts.join("\n") },
  };
}

/** A reply as the contract wants it. */
export function contractReply(scores: Record<string, number>, overall: number): string {
  return `Explanation:\nfine.\nFine Grained Score: [${
    JSON.stringify(scores)
  }]\nConstraints Overall Score: [[${overall}]]`;
}

/** Scores of the constraints, and the overall one. */
export const judgedScores = (
  { constraints, overall }: Judgement,
) => [constraints.map((v) => v.score), overall.score];
