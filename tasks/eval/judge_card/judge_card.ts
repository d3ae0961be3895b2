/**
 * A judge card: how far a judge can be trusted. CardAgreement with other verdicts on the same answers (people's, or rules'), what
 * it costs and how long it takes, how often it can't be read, and whether length or place moves its scores; the latter measured,
 * where the judge may be asked again ({@linkcode Reordered}).
 *
 * After AlpacaEval's annotator cards (Dubois et al. 2023, arXiv 2305.14387), for scores of constraints instead of pairs.
 * @module
 */
import { type CardAgreement, JudgedAnswers, type Reference } from "./judged_answers.ts";
import type { Reordered } from "./reorder.ts";
import type { Measured } from "../statistics/measured.ts";
import { storedItems, type StoredRun } from "../store/stored.ts";
import { costOf } from "../../ask/usage.ts";

/** Content of a card. */
export interface JudgeCard {
  /** Title of the judge. */
  judge: string;
  /** Name of the benchmark. */
  benchmark: string;
  /** Judged answers. */
  answers: number;
  /** Answers that it hasn't judged, as it couldn't be asked or wasn't yet: in no number below. */
  unjudged: number;
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
  /** Null without a reference. */
  agreement: CardAgreement | null;
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

/** Makes the card of the judge of a run. @throws {RangeError} If the run has no judged answers */
export async function judgeCard(
  run: StoredRun,
  prices?: { input: number; output: number },
  reference?: Reference,
  reordered: Reordered | null = null,
): Promise<JudgeCard> {
  const seen = new JudgedAnswers(run.part.benchmark.protocol?.scale ?? 1, reference);
  let requests = 0, tokens = 0, cost = 0, ms = 0, unjudged = 0;
  for await (const { item, response, judged, judgement } of storedItems(run)) {
    if (response === null) continue;
    if (judged === null || judgement === null) {
      unjudged++;
      continue;
    }
    requests += judged.requests;
    tokens += judged.promptTokens + judged.completionTokens;
    cost += costOf(judged, prices);
    ms += judged.ms;
    seen.add(response, judgement.constraints, await reference?.verdicts(item, response) ?? null);
  }
  const { answers, constraints, unscored } = seen;
  if (answers === 0) {
    throw new RangeError(`Cannot make a judge card of ${run.config.out_dir} as it has no judged answers`);
  }
  return {
    judge: run.provenance.judged_by,
    benchmark: run.provenance.benchmark,
    answers,
    unjudged,
    constraints,
    unscored: constraints === 0 ? 0 : unscored / constraints,
    requests: requests / answers,
    tokensPerThousand: 1000 * tokens / answers,
    costPerThousand: prices === undefined ? null : 1000 * cost / answers,
    seconds: ms / 1000 / answers,
    agreement: seen.agreement(),
    ...seen.biases(run.config.seed),
    reordered,
  };
}
