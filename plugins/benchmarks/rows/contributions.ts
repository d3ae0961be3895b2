/**
 * Scores of instructions with constraints whose verdicts run from 0 to 1.
 * @module
 */
import type { Verdict } from "../../kinds/judgement.ts";
import type { BenchmarkResult, Contribution } from "../../kinds/benchmark.ts";
import { allReach } from "../../kinds/all_reach.ts";
import { contribute } from "../scores.ts";

/**
 * `followed` (share of responses that keep every constraint; also by the items' groups), `constraint` (share of constraints
 * kept, score 1) and `mean` (mean verdict), both also by the constraints' groups.
 */
export function rowContributions({ item, judgement }: BenchmarkResult): Contribution[] {
  const none: Verdict = { score: null, reason: "no judgement" };
  const verdicts = item.constraints.map((_, i) => judgement?.constraints[i] ?? none);
  const followed = [allReach(verdicts)];
  const kept = (score: number) => score === 1 ? 1 : 0;
  return [
    ...contribute("followed", followed),
    ...contribute("constraint", verdicts, undefined, kept),
    ...contribute("mean", verdicts),
    ...Object.entries(item.groups).flatMap(([by, name]) => contribute("followed", followed, { by, name })),
    ...item.constraints.flatMap(({ groups }, i) =>
      Object.entries(groups).flatMap(([by, name]) =>
        contribute("constraint", [verdicts[i] ?? none], { by, name }, kept)
      )
    ),
  ];
}
