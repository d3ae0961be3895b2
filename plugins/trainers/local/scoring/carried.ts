/**
 * Numbers that a loss carries from micro-batch to micro-batch ({@linkcode Loss} `carried`), over a run.
 * @module
 */
import { valueOf } from "../../../../formats/elements.ts";
import type { CarriedValues, Loss } from "../../../kinds/loss.ts";
import { carriedOn, type LossRow } from "../../../kinds/loss_evaluation.ts";

/**
 * What is carried now, and what was carried before the last steps: one that is taken again, as the device could make no norm of it or as the run
 * was interrupted within it, begins from that.
 */
export class CarriedOverSteps {
  readonly #loss: Loss;
  /** By number of steps done. */
  readonly #after = new Map<number, CarriedValues>();
  #now: CarriedValues;

  /**
   * @param step Steps done
   * @param saved Of their checkpoint; absent: what the loss begins with
   */
  constructor(loss: Loss, step: number, saved: CarriedValues = loss.carried?.initial ?? {}) {
    this.#loss = loss;
    this.#now = saved;
    this.#after.set(step, saved);
  }

  /** For the next micro-batch. */
  get now(): CarriedValues {
    return this.#now;
  }

  /** Begins the step behind so many. */
  begin(step: number): void {
    this.#now = this.after(step);
    // a step may be handed over and not yet be known to have changed anything while the next one is computed
    for (const old of this.#after.keys()) if (old < step - 1) this.#after.delete(old);
  }

  /** Takes a micro-batch in. */
  move(rows: readonly LossRow[]): void {
    this.#now = carriedOn(this.#loss, rows, this.#now);
  }

  /** Ends the step behind so many. */
  end(step: number): void {
    this.#after.set(step + 1, this.#now);
  }

  /** What is carried after so many steps, of which at most one is the last step's. */
  after(step: number): CarriedValues {
    return valueOf(this.#after, step);
  }
}
