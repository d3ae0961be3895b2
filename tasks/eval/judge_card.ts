/**
 * A judge card: how far a judge can be trusted. Agreement with other verdicts on the same answers (people's, or rules'), what
 * it costs and how long it takes, how often it can't be read, and whether length or place moves its scores; the latter measured,
 * where the judge may be asked again ({@linkcode Reordered}).
 *
 * After AlpacaEval's annotator cards (Dubois et al. 2023, arXiv 2305.14387), for scores of constraints instead of pairs.
 * @module
 */
import type { BenchmarkItem } from "../../plugins/kinds/benchmark.ts";
import type { Verdict } from "../../plugins/kinds/judgement.ts";
import type { Reordered } from "./reorder.ts";
import { AlphaSum } from "./statistics/alpha.ts";
import { cohenKappa } from "./statistics/kappa.ts";
import { type Measured, measuredSpearman } from "./statistics/measured.ts";
import { spearman } from "./statistics/spearman.ts";
import { storedItems, type StoredRun } from "./stored.ts";
import { costOf } from "../ask/usage.ts";

/** Other verdicts on the same answers. */
export interface Reference {
  /** Name for the card. */
  name: string;
  /** Verdicts run from 0 to this. */
  scale: number;
  /** Verdicts on an item's answer, one a constraint; null when there are none. */
  verdicts(item: BenchmarkItem, response: string): Promise<readonly Verdict[] | null>;
}

/** Content of a card. */
export interface JudgeCard {
  /** Title of the judge. */
  judge: string;
  /** Name of the benchmark. */
  benchmark: string;
  /** Judged answers. */
  answers: number;
  /** Constraints of these. */
  constraints: number;
  /** Share of constraints without a score. */
  unscored: number;
  /** Requests an answer that weren't cached. */
  requests: number;
  /** Tokens a 1,000 answers. */
  tokensPerThousand: number;
  /** Cost of 1,000 answers; null without prices. */
  costPerThousand: number | null;
  /** Seconds an answer, waiting for the judge. */
  seconds: number;
  /** Agreement with the reference; null without one. */
  agreement: {
    /** Title of the reference judge or file. */
    reference: string;
    /** Constraints that both scored. */
    constraints: number;
    /** Share on which both say met, or both not met (full score or less). */
    accuracy: number | null;
    /** Cohen's kappa of the same. */
    kappa: number | null;
    /** Krippendorff's alpha of the scores (as shares of the scale). */
    alpha: number | null;
    /** Spearman's correlation of the scores. */
    correlation: number | null;
    /** Met according to the judge, not to the reference, as a share: too kind. */
    tooKind: number | null;
    /** The other way round: too strict. */
    tooStrict: number | null;
    /** Share of constraints met, judge minus reference. */
    lenience: number | null;
  } | null;
  /**
   * Spearman's correlation over answers of their length with their mean score; with a reference, with how far the judge's mean
   * score is above the reference's, so that good answers being longer doesn't count as bias.
   */
  lengthBias: Measured;
  /**
   * The same over constraints with their place in the list (0 first, 1 last) instead of the length, answers as clusters. What
   * comes first may well be easier: {@linkcode JudgeCard.reordered} is the measurement that doesn't suffer from that.
   */
  positionBias: Measured;
  /** Findings of asking again in reverse order; null when the judge wasn't asked again. */
  reordered: Reordered | null;
}

/** Makes the card of the judge of a run. */
export async function judgeCard(
  run: StoredRun,
  prices?: { input: number; output: number },
  reference?: Reference,
  reordered: Reordered | null = null,
): Promise<JudgeCard> {
  const scale = run.part.benchmark.protocol?.scale ?? 1;
  const { seed } = run.config;
  const counts = { both: 0, kind: 0, strict: 0, neither: 0 };
  const alpha = new AlphaSum("interval");
  const own: number[] = [], theirs: number[] = [];
  const lengths: number[] = [], byLength: number[] = [];
  const places: number[] = [], byPlace: number[] = [], firsts: number[] = [];
  let answers = 0, constraints = 0, unscored = 0, requests = 0, tokens = 0, cost = 0, ms = 0;
  for await (const { item, response, judged, judgement } of storedItems(run)) {
    if (response === null || judged === null || judgement === null) continue;
    answers++;
    requests += judged.requests;
    tokens += judged.promptTokens + judged.completionTokens;
    cost += costOf(judged, prices);
    ms += judged.ms;
    const others = reference === undefined ? null : await reference.verdicts(item, response);
    const differences: number[] = [];
    const placed = places.length;
    for (const [i, verdict] of judgement.constraints.entries()) {
      constraints++;
      if (verdict.score === null) {
        unscored++;
        continue;
      }
      const score = verdict.score / scale;
      const found = others?.[i]?.score ?? null;
      if (reference !== undefined && found === null) continue;
      const other = found === null ? null : found / reference!.scale;
      if (other !== null) {
        counts[score === 1 ? other === 1 ? "both" : "kind" : other === 1 ? "strict" : "neither"]++;
        alpha.add([score, other]);
        own.push(score);
        theirs.push(other);
      }
      const difference = score - (other ?? 0);
      differences.push(difference);
      if (judgement.constraints.length > 1) {
        places.push(i / (judgement.constraints.length - 1));
        byPlace.push(difference);
      }
    }
    if (places.length > placed) firsts.push(placed);
    if (differences.length > 0) {
      lengths.push([...response].length);
      byLength.push(differences.reduce((a, b) => a + b, 0) / differences.length);
    }
  }
  if (answers === 0) {
    throw new RangeError(`Cannot make a judge card of ${run.config.out_dir} as it has no judged answers`);
  }
  const { both, kind, strict, neither } = counts;
  const compared = own.length;
  const share = (count: number) => compared === 0 ? null : count / compared;
  return {
    judge: run.provenance.judged_by,
    benchmark: run.provenance.benchmark,
    answers,
    constraints,
    unscored: constraints === 0 ? 0 : unscored / constraints,
    requests: requests / answers,
    tokensPerThousand: 1000 * tokens / answers,
    costPerThousand: prices === undefined ? null : 1000 * cost / answers,
    seconds: ms / 1000 / answers,
    agreement: reference === undefined ? null : {
      reference: reference.name,
      constraints: compared,
      accuracy: share(both + neither),
      kappa: cohenKappa([[1, 1, both], [1, 0, kind], [0, 1, strict], [0, 0, neither]]),
      alpha: alpha.alpha(),
      correlation: spearman(own, theirs),
      tooKind: share(kind),
      tooStrict: share(strict),
      lenience: share(kind - strict),
    },
    lengthBias: measuredSpearman(lengths, byLength, seed),
    positionBias: measuredSpearman(places, byPlace, seed, firsts),
    reordered,
  };
}
