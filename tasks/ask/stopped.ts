/**
 * A run of many requests that stops.
 * @module
 */
/** A run that stops before its end; what was done so far stays. */
export class Stopped extends Error {
  /** Why: the budget is spent, a person asked for it, or nothing can be asked. */
  readonly why: "budget" | "signal" | "fatal";
  /** True if starting the run again as it is can help: a server that was still loading, say, will have loaded. */
  readonly passing: boolean;
  /**
   * A stop and its reason.
   * @param why Why
   * @param message Human-readable
   * @param passing See {@linkcode Stopped.passing}; default: unless it is fatal
   */
  constructor(why: Stopped["why"], message: string, passing: boolean = why !== "fatal") {
    super(message);
    this.name = "Stopped";
    this.why = why;
    this.passing = passing;
  }
}
