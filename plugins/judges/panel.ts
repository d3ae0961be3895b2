/**
 * Judge `panel`: several judges on the same response. Each constraint gets the mean or the most frequent of their scores;
 * how well they agree (Krippendorff's alpha) is a number of the report.
 * @module
 */
import { z } from "zod";

import { createJudge } from "../kinds/create_judge.ts";
import { type Judge, JudgeUnreachable } from "../kinds/judge.ts";
import type { Judgement, Verdict } from "../kinds/judgement.ts";
import { placeUnder } from "../kinds/place.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { productIdentity } from "../kinds/product_identity.ts";

const Member = z.strictObject({
  type: z.string().min(1).describe("judge plugin, or endpoint plugin of a model that judges"),
  args: z.record(z.string(), z.unknown()).optional().describe("its options"),
  run_args: z.record(z.string(), z.unknown()).optional().describe("its sampling"),
});

const Options = z.strictObject({
  judges: z.array(Member).min(2).describe("two judges or more, each with type, args and run_args"),
  combine: z.enum(["mean", "majority"]).default("mean").describe(
    "mean: of the scores; majority: the score that more than half of the scoring judges give, unscored without one",
  ),
  quorum: z.int().min(1).optional().describe(
    "scores needed per constraint, once every judge has been asked; default: more than half of the judges",
  ),
});

/** The plugin, see the module's text. */
const panel: Plugin<"judge", typeof Options> = definePlugin({
  kind: "judge",
  name: "panel",
  version: "1",
  description: "Several judges: mean or majority of their scores, and how well they agree",
  options: Options,
  create({ judges, combine, quorum = Math.floor(judges.length / 2) + 1 }, { registry, place }) {
    if (quorum > judges.length) {
      throw new RangeError(`Cannot use a quorum of ${quorum} as there are ${judges.length} judges`);
    }
    const titles = new Map<string, number>();
    const members = judges.map((spec, i) => {
      const { judge, title } = createJudge(spec, { registry, place: placeUnder(place, "judges", i) });
      const nth = (titles.get(title) ?? 0) + 1;
      titles.set(title, nth);
      return { name: nth === 1 ? title : `${title} (${nth})`, judge };
    });
    return panelOf(members, combine, quorum);
  },
});
export default panel;

/** Combination of a panel's scores. */
export type Combine = "mean" | "majority";

/**
 * A judge that asks several.
 * @throws {RangeError} If their scales differ
 */
export function panelOf(
  members: readonly { name: string; judge: Judge }[],
  combine: Combine,
  quorum: number,
): Judge {
  const [first, ...others] = members.filter(({ judge }) => judge.scale !== null);
  const scale = first?.judge.scale ?? null;
  const other = others.find(({ judge }) => judge.scale !== scale);
  if (first !== undefined && other !== undefined) {
    throw new RangeError(
      `Cannot put ${other.name} and ${first.name} on one panel as their scales differ: current value is ${other.judge.scale} and ${scale}`,
    );
  }
  return {
    scale,
    title: members.map(({ name }) => name).join(" + "),
    get identity() {
      return {
        combine,
        quorum,
        members: members.map(({ name, judge }) => [name, productIdentity(judge), judge.identity ?? null]),
      };
    },
    endpoints: members.flatMap(({ judge }) => judge.endpoints ?? []),
    async judge(request, signal) {
      // all of them are asked to the end even when one can't be: their answers are then in the cache
      const asked = await Promise.allSettled(
        members.map(async ({ name, judge }) => ({
          judge: name,
          judgement: await judge.judge(request, signal),
        })),
      );
      const failed = members.flatMap(({ name }, i) => {
        const one = asked[i];
        return one?.status === "rejected" ? [{ name, reason: one.reason as unknown }] : [];
      });
      if (failed.length > 0) throw failureOf(failed, members.length);
      return combineJudgements(
        asked.flatMap((a) => a.status === "fulfilled" ? [a.value] : []),
        combine,
        quorum,
      );
    },
  };
}

/** Of several members' errors: every one that couldn't be asked by its name, where that is the first one's error. */
function failureOf(failed: readonly { name: string; reason: unknown }[], judges: number): unknown {
  if (!(failed[0]?.reason instanceof JudgeUnreachable)) return failed[0]?.reason;
  const unreachable = failed.flatMap(({ name, reason }) =>
    reason instanceof JudgeUnreachable ? [{ name, reason }] : []
  );
  // starting again helps only where none of them lasts
  const { completion } =
    (unreachable.find(({ reason }) => !reason.completion.failure?.retryable) ?? failed[0])
      .reason as JudgeUnreachable;
  const each = unreachable.map(({ name, reason }) => `${name}: ${reason.message}`).join("; ");
  const error = `${unreachable.length} of the panel's ${judges} judges couldn't be asked: ${each}`;
  return new JudgeUnreachable({ ...completion, error });
}

/** One judgement of several, constraint by constraint. */
export function combineJudgements(
  members: readonly { judge: string; judgement: Judgement }[],
  combine: Combine,
  quorum: number,
): Judgement {
  const over = (verdicts: readonly Verdict[]) => combineVerdicts(verdicts, combine, quorum);
  const constraints = (members[0]?.judgement.constraints ?? []).map((_, i) =>
    over(members.map(({ judgement }) => judgement.constraints[i] ?? { score: null, reason: "no verdict" }))
  );
  const scored = constraints.filter((v) => v.score !== null).length;
  return {
    constraints,
    overall: over(members.map(({ judgement }) => judgement.overall)),
    raw: members.map(({ judge, judgement }) => `${judge}:\n${judgement.raw}`).join("\n\n"),
    reading: scored === constraints.length ? "complete" : scored > 0 ? "partial" : "none",
    members: [...members],
  };
}

function combineVerdicts(verdicts: readonly Verdict[], combine: Combine, quorum: number): Verdict {
  const scores = verdicts.flatMap((v) => v.score === null ? [] : [v.score]);
  if (scores.length < quorum) {
    return {
      score: null,
      reason: `${scores.length} of ${verdicts.length} judges gave a score, ${quorum} are needed`,
    };
  }
  if (combine === "mean") return { score: scores.reduce((a, b) => a + b, 0) / scores.length };
  const most = scores.find((score) => scores.filter((s) => s === score).length * 2 > scores.length);
  return most === undefined ? { score: null, reason: `no majority: ${scores.join(", ")}` } : { score: most };
}
