/**
 * Agreement of judges on drafts that pass.
 * @module
 */
import { AlphaSum } from "../eval/statistics/alpha.ts";

/** Counts of one question that several judges were asked. */
export class JudgeAgreement {
  readonly #alpha = new AlphaSum("nominal");
  /** Things that two judges or more gave a verdict on. */
  units = 0;
  /** Those on which all said the same. */
  same = 0;
  /** Verdicts that couldn't be read. */
  unread = 0;

  /** Adds what each judge said of one thing; null: its verdict can't be read. */
  add(verdicts: readonly (boolean | null)[]): void {
    const read = verdicts.filter((verdict) => verdict !== null);
    this.unread += verdicts.length - read.length;
    if (read.length < 2) return;
    this.units++;
    if (new Set(read).size === 1) this.same++;
    this.#alpha.add(verdicts.map((verdict) => verdict === null ? null : Number(verdict)));
  }

  /** Krippendorff's alpha; null without two verdicts on a thing, or where all say the same. */
  get alpha(): number | null {
    return this.#alpha.alpha();
  }
}
