/**
 * A run of many requests that stops.
 * @module
 */
/** A run that stops before its end; what was done so far stays. */
export class Stopped extends Error {
  /** Why: the budget is spent, a person asked for it, or nothing can be asked. */
  readonly why: "budget" | "signal" | "fatal";
  /**
   * A stop and its reason.
   * @param why Why
   * @param message Human-readable
   */
  constructor(why: Stopped["why"], message: string) {
    super(message);
    this.name = "Stopped";
    this.why = why;
  }
}
