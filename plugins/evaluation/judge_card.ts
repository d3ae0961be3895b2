/**
 * A judge card: how far a judge can be trusted. Agreement with other verdicts on the same answers (people's, or rules'), what
 * it costs and how long it takes, how often it can't be read, and whether length or place moves its scores.
 *
 * After AlpacaEval's annotator cards (Dubois et al. 2023, arXiv 2305.14387), for scores of constraints in place of pairs.
 * @module
 */
import type { Verdict } from "../judges/judge.ts";
import { cohenKappa, krippendorffAlpha, spearman } from "./statistics.ts";
import { storedItems, type StoredRun } from "./stored.ts";
import { costOf } from "./usage.ts";

/** Other verdicts on the same answers. */
export interface Reference {
  /** Name for the card. */
  name: string;
  /** Verdicts run from 0 to this. */
  scale: number;
  /** Verdicts on an item's answer, one a constraint; null when there are none. */
  verdicts(id: string, response: string): Promise<readonly Verdict[] | null>;
}

/** What a card says. */
export interface JudgeCard {
  /** Judge. */
  judge: string;
  /** Benchmark. */
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
    /** Name. */
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
   * Spearman's correlation of the answer's length with its mean score; with a reference, of the length with the judge's
   * score minus the reference's, so that good answers being longer doesn't count as bias.
   */
  lengthBias: number | null;
  /** The same with the place of the constraint in its list (0 first, 1 last) in place of the length. */
  positionBias: number | null;
}

/** Makes the card of the judge of a run. */
export async function judgeCard(
  run: StoredRun,
  prices?: { input: number; output: number },
  reference?: Reference,
): Promise<JudgeCard> {
  const scale = run.part.benchmark.protocol?.scale ?? 1;
  const met: [number, number][] = [];
  const units: [number, number][] = [];
  const lengths: number[] = [], byLength: number[] = [], places: number[] = [], byPlace: number[] = [];
  let answers = 0, constraints = 0, unscored = 0, requests = 0, tokens = 0, cost = 0, ms = 0;
  for await (const { item, response, judged, judgement } of storedItems(run)) {
    if (response === null || judged === null || judgement === null) continue;
    answers++;
    requests += judged.requests;
    tokens += judged.promptTokens + judged.completionTokens;
    cost += costOf(judged, prices);
    ms += judged.ms;
    const others = reference === undefined ? null : await reference.verdicts(item.id, response);
    const differences: number[] = [];
    for (const [i, verdict] of judgement.constraints.entries()) {
      constraints++;
      if (verdict.score === null) {
        unscored++;
        continue;
      }
      const own = verdict.score / scale;
      const other = others?.[i]?.score ?? null;
      if (reference !== undefined && other === null) continue;
      if (other !== null) {
        const theirs = other / reference!.scale;
        met.push([own === 1 ? 1 : 0, theirs === 1 ? 1 : 0]);
        units.push([own, theirs]);
      }
      const difference = other === null ? own : own - other / reference!.scale;
      differences.push(difference);
      if (judgement.constraints.length > 1) {
        places.push(i / (judgement.constraints.length - 1));
        byPlace.push(difference);
      }
    }
    if (differences.length > 0) {
      lengths.push([...response].length);
      byLength.push(differences.reduce((a, b) => a + b, 0) / differences.length);
    }
  }
  if (answers === 0) {
    throw new RangeError(`Cannot make a judge card of ${run.config.out_dir} as it has no judged answers`);
  }
  const share = (of: (pair: [number, number]) => boolean) =>
    met.length === 0 ? null : met.filter(of).length / met.length;
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
      constraints: met.length,
      accuracy: share(([a, b]) => a === b),
      kappa: cohenKappa(met),
      alpha: krippendorffAlpha(units, "interval"),
      correlation: spearman(units.map((u) => u[0]), units.map((u) => u[1])),
      tooKind: share(([a, b]) => a > b),
      tooStrict: share(([a, b]) => a < b),
      lenience: met.length === 0 ? null : met.reduce((sum, [a, b]) => sum + a - b, 0) / met.length,
    },
    lengthBias: spearman(lengths, byLength),
    positionBias: spearman(places, byPlace),
  };
}

/** The card as Markdown. */
export function judgeCardText(card: JudgeCard): string {
  const number = (value: number | null, digits = 3) => value === null ? "–" : value.toFixed(digits);
  const percent = (value: number | null) => value === null ? "–" : `${(100 * value).toFixed(1)} %`;
  const a = card.agreement;
  const rows: [string, string][] = [
    ["benchmark", card.benchmark],
    ["judged answers", `${card.answers} with ${card.constraints} constraints`],
    ["constraints it left unscored", percent(card.unscored)],
    ["requests an answer", number(card.requests, 2)],
    ["tokens for 1,000 answers", card.tokensPerThousand.toFixed(0)],
    [
      "cost of 1,000 answers",
      card.costPerThousand === null ? "– (no args.prices)" : number(card.costPerThousand, 2),
    ],
    ["seconds an answer", number(card.seconds, 2)],
    ...(a === null ? [] : [
      ["compared with", `${a.reference}, ${a.constraints} constraints`],
      ["same verdict (met or not)", percent(a.accuracy)],
      ["Cohen's kappa", number(a.kappa)],
      ["Krippendorff's alpha of scores", number(a.alpha)],
      ["Spearman's correlation of scores", number(a.correlation)],
      ["too kind", percent(a.tooKind)],
      ["too strict", percent(a.tooStrict)],
      ["lenience (share met, judge minus reference)", number(a.lenience)],
    ] as [string, string][]),
    [
      `length bias (correlation with the answer's length${a === null ? "" : ", beyond the reference"})`,
      number(card.lengthBias),
    ],
    [
      `position bias (correlation with the constraint's place${a === null ? "" : ", beyond the reference"})`,
      number(card.positionBias),
    ],
  ];
  return [
    `# Judge card: ${card.judge}`,
    "",
    "| | |",
    "| --- | --- |",
    ...rows.map(([k, v]) => `| ${k} | ${v} |`),
    "",
  ].join("\n");
}
