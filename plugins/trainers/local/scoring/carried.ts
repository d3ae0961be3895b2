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

  /** Before the first step. */
  constructor(loss: Loss) {
    this.#loss = loss;
    this.#now = this.#initial;
    this.#after.set(0, this.#now);
  }

  /**
   * Goes on from a checkpoint's numbers; what the loss begins with where that has none or others, as of a run before its loss was changed.
   * @param checkpoint.step Steps done
   * @param warn Told of a checkpoint without them
   */
  restore(
    { path, step, carried }: { path: string; step: number; carried?: CarriedValues },
    warn: (line: string) => void,
  ): void {
    const names = Object.keys(this.#initial), saved = Object.keys(carried ?? {});
    const isOwn = carried !== undefined && saved.length === names.length &&
      names.every((name) => Object.hasOwn(carried, name));
    if (!isOwn) {
      warn(
        `${path} lacks what the loss carries from micro-batch to micro-batch (${
          names.join(", ")
        }), which begins anew`,
      );
    }
    this.#now = isOwn ? carried : this.#initial;
    this.#after.clear();
    this.#after.set(step, this.#now);
  }

  get #initial(): CarriedValues {
    return this.#loss.carried?.initial ?? {};
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
