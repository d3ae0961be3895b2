/**
 * Agreement among the members of a panel.
 * @module
 */
import type { Judgement } from "../../../plugins/kinds/judgement.ts";
import { AlphaSum } from "../statistics/alpha.ts";

/** Agreement of a panel. */
export interface Agreement {
  /** Names of the members. */
  judges: string[];
  /** Krippendorff's alpha over constraints, for intervals. */
  alpha: number | null;
  /** The same with every difference counted alike. */
  alphaNominal: number | null;
  /** Share of constraints on which all who scored gave the same score. */
  unanimous: number | null;
}

/** Sums up how panels' members agree, one unit per constraint. */
export class PanelVotes {
  #judges: string[] = [];
  readonly #interval = new AlphaSum("interval");
  readonly #nominal = new AlphaSum("nominal");
  #several = 0;
  #same = 0;

  /** Adds what a panel found of one answer; other judgements are ignored. */
  add({ members, constraints }: Judgement): void {
    if (members === undefined) return;
    if (this.#judges.length === 0) this.#judges = members.map(({ judge }) => judge);
    for (const i of constraints.keys()) {
      const unit = members.map(({ judgement }) => judgement.constraints[i]?.score ?? null);
      this.#interval.add(unit);
      this.#nominal.add(unit);
      const scores = unit.filter((s) => s !== null);
      if (scores.length < 2) continue;
      this.#several++;
      if (scores.every((s) => s === scores[0])) this.#same++;
    }
  }

  /** The agreement so far; null without a panel. */
  agreement(): Agreement | null {
    if (this.#judges.length === 0) return null;
    return {
      judges: this.#judges,
      alpha: this.#interval.alpha(),
      alphaNominal: this.#nominal.alpha(),
      unanimous: this.#several === 0 ? null : this.#same / this.#several,
    };
  }
}
