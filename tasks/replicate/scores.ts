/**
 * Scores of a replication, read from its evaluations' folders.
 * @module
 */
import { item } from "../../formats/elements.ts";
import { allReach } from "../../plugins/kinds/all_reach.ts";
import type { Registry } from "../../plugins/registry.ts";
import { openRun } from "../eval/store/open_run.ts";
import type { SeededScores } from "../eval/statistics/crossed.ts";
import { storedItems } from "../eval/store/stored.ts";
import { type Distribution, DISTRIBUTIONS } from "./records.ts";

/** Scores of one answer. */
export interface ItemScore {
  /** Of which distribution. */
  distribution: Distribution;
  /** 1 if it keeps every constraint, else 0. */
  followed: number;
  /** Constraints that count: all of them, of the other distribution those with a held-out rule. */
  constraints: number;
  /** Those of them that it keeps. */
  kept: number;
}

/** One evaluation. */
export interface ScoredAnswers {
  /** By id, in order. */
  items: Map<string, ItemScore>;
  /** Tokens of its answers. */
  tokens: number;
  /** Answers that were cut. */
  cut: number;
  /** Answers without a verdict, which count as not followed. */
  unscored: number;
}

/** Reads a finished evaluation. */
export async function readEvaluation(
  directory: string,
  held: ReadonlySet<string>,
  registry: Registry,
): Promise<ScoredAnswers> {
  const run = await openRun(directory, registry);
  using _store = run.store;
  const found: ScoredAnswers = { items: new Map(), tokens: 0, cut: 0, unscored: 0 };
  for await (const { item: { id, constraints, groups }, answer, judgement } of storedItems(run)) {
    const distribution = DISTRIBUTIONS.find((name) => name === groups.distribution) ?? "known";
    const verdicts = constraints.map((_, i) =>
      judgement?.constraints[i] ?? { score: null, reason: "no judgement" }
    );
    const counted = verdicts.filter((_, i) =>
      distribution === "known" || held.has(constraints[i]?.rule?.id ?? "")
    );
    const whole = allReach(verdicts);
    found.items.set(id, {
      distribution,
      followed: whole.score ?? 0,
      constraints: counted.length,
      kept: counted.filter(({ score }) => score === 1).length,
    });
    if (whole.score === null) found.unscored++;
    if (answer === null) continue;
    found.tokens += answer.completion.completionTokens;
    if (answer.completion.outcome === "length") found.cut++;
  }
  return found;
}

/** Evaluations of a method, each once: the untrained model's is that of every seed. */
export function distinctEvaluations(
  { evaluations }: { evaluations: readonly ScoredAnswers[] },
): ScoredAnswers[] {
  return [...new Set(evaluations)];
}

/** Scores of the tables. */
export const MEASURES = DISTRIBUTIONS.flatMap((distribution) => [
  { distribution, of: "followed", title: `${distribution} followed` } as const,
  { distribution, of: "kept", title: `${distribution} kept` } as const,
]);

/** One of {@linkcode MEASURES}. */
export type Measure = typeof MEASURES[number];

/** A measure of the evaluations of a method, one a seed; all have the same items. */
export function scoresOf(evaluations: readonly ScoredAnswers[], { distribution, of }: Measure): SeededScores {
  const rows = evaluations.map(({ items }) =>
    [...items.values()].filter((score) => score.distribution === distribution)
  );
  return {
    values: rows.map((row) => row.map((score) => score[of])),
    weights: item(rows, 0).map(({ constraints }) => of === "followed" ? 1 : constraints),
  };
}

/** Share of all constraints that are kept: what learning rates are chosen by. */
export function validationScore({ items }: ScoredAnswers): number {
  let kept = 0, all = 0;
  for (const score of items.values()) {
    kept += score.kept;
    all += score.constraints;
  }
  return kept / all;
}
