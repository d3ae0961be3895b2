/**
 * A judge's scores of answers beside others' scores of the same, their length and their place.
 * @module
 */
import type { BenchmarkItem } from "../../../plugins/kinds/benchmark.ts";
import type { Verdict } from "../../../plugins/kinds/judgement.ts";
import { AlphaSum } from "../statistics/alpha.ts";
import { cohenKappa } from "../statistics/kappa.ts";
import { type Measured, measuredSpearman } from "../statistics/measured.ts";
import { spearman } from "../statistics/spearman.ts";
import { withoutRounding } from "../statistics/without_rounding.ts";

/** Other verdicts on the same answers. */
export interface Reference {
  /** Name for the card. */
  name: string;
  /** Verdicts run from 0 to this. */
  scale: number;
  /** Verdicts on an item's answer, one a constraint; null when there are none. */
  verdicts(item: BenchmarkItem, response: string): Promise<readonly Verdict[] | null>;
}

/** CardAgreement of a judge with a reference. */
export interface CardAgreement {
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
}

/** Sums over answers, taken one by one. */
export class JudgedAnswers {
  /** Judged answers. */
  answers = 0;
  /** Constraints of these. */
  constraints = 0;
  /** Constraints without a score. */
  unscored = 0;
  readonly #counts = { both: 0, kind: 0, strict: 0, neither: 0 };
  readonly #alpha = new AlphaSum("interval");
  readonly #own: number[] = [];
  readonly #theirs: number[] = [];
  readonly #lengths: number[] = [];
  readonly #byLength: number[] = [];
  readonly #places: number[] = [];
  readonly #byPlace: number[] = [];
  /** Index of the first place of each answer that has one. */
  readonly #firsts: number[] = [];

  /**
   * @param scale The judge's verdicts run from 0 to this
   * @param reference Whose verdicts `add` is given
   */
  constructor(private readonly scale: number, private readonly reference?: Reference) {}

  /**
   * Adds an answer.
   * @param verdicts The judge's, one a constraint
   * @param others The reference's; null: it has none
   */
  add(response: string, verdicts: readonly Verdict[], others: readonly Verdict[] | null): void {
    this.answers++;
    const differences: number[] = [], placed = this.#places.length;
    for (const [i, verdict] of verdicts.entries()) {
      this.constraints++;
      if (verdict.score === null) {
        this.unscored++;
        continue;
      }
      const score = verdict.score / this.scale, found = others?.[i]?.score ?? null;
      if (this.reference !== undefined && found === null) continue;
      const other = found === null ? null : found / this.reference!.scale;
      if (other !== null) this.#compare(score, other);
      const difference = score - (other ?? 0);
      differences.push(difference);
      if (verdicts.length > 1) {
        this.#places.push(i / (verdicts.length - 1));
        this.#byPlace.push(withoutRounding(difference));
      }
    }
    if (this.#places.length > placed) this.#firsts.push(placed);
    if (differences.length > 0) {
      this.#lengths.push([...response].length);
      this.#byLength.push(withoutRounding(differences.reduce((a, b) => a + b, 0) / differences.length));
    }
  }

  /** Two scores of a constraint, as shares of their scales. */
  #compare(own: number, other: number): void {
    this.#counts[own === 1 ? other === 1 ? "both" : "kind" : other === 1 ? "strict" : "neither"]++;
    this.#alpha.add([own, other]);
    this.#own.push(own);
    this.#theirs.push(other);
  }

  /** Null without a reference. */
  agreement(): CardAgreement | null {
    if (this.reference === undefined) return null;
    const { both, kind, strict, neither } = this.#counts, compared = this.#own.length;
    const share = (count: number) => compared === 0 ? null : count / compared;
    return {
      reference: this.reference.name,
      constraints: compared,
      accuracy: share(both + neither),
      kappa: cohenKappa([[1, 1, both], [1, 0, kind], [0, 1, strict], [0, 0, neither]]),
      alpha: this.#alpha.alpha(),
      correlation: spearman(this.#own, this.#theirs),
      tooKind: share(kind),
      tooStrict: share(strict),
      lenience: share(kind - strict),
    };
  }

  /** Correlations of length and place with the scores above the reference's, or with the scores where there is none; `seed`: of their intervals. */
  biases(seed: number): { lengthBias: Measured; positionBias: Measured } {
    return {
      lengthBias: measuredSpearman(this.#lengths, this.#byLength, seed),
      positionBias: measuredSpearman(this.#places, this.#byPlace, seed, this.#firsts),
    };
  }
}
