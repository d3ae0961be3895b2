/**
 * Pace of a stage: tokens a second, time left, cost so far.
 * @module
 */
import { paceText } from "../train/outputs/log/progress_text.ts";
import type { Usage } from "./usage.ts";

/** Progress of a stage, and what was used until then. */
interface Sample {
  seconds: number;
  done: number;
  tokens: number;
}

/** Seconds that a pace is measured over: items that were answered at an earlier start go by in the first moment. */
const OVER = 30;
/** Seconds without which there is no pace. */
const LEAST = 1;

/** See the module's text. */
export class Pace {
  #stage = "";
  #samples: Sample[] = [];

  /**
   * Takes note of how far a stage is.
   * @param usage Counts of this start
   * @returns `1,234 tokens/s, 0:01:02 left, cost 0.0123`; "" while nothing is known
   */
  text(stage: string, done: number, total: number, usage: Usage): string {
    if (stage !== this.#stage) {
      this.#stage = stage;
      this.#samples = [];
    }
    const now: Sample = { seconds: usage.seconds, done, tokens: usage.completionTokens };
    const last = this.#samples.at(-1);
    // a few samples a second are enough, however many items end in it
    if (last === undefined || now.seconds - last.seconds >= LEAST / 4) this.#samples.push(now);
    while (this.#samples.length > 2 && now.seconds - this.#samples[1]!.seconds >= OVER) this.#samples.shift();
    const first = this.#samples[0]!;
    const seconds = now.seconds - first.seconds;
    const cost = usage.cost > 0 ? [`cost ${usage.cost.toFixed(4)}`] : [];
    if (seconds < LEAST || done <= first.done) return cost.join("");
    const left = (total - done) * seconds / (done - first.done);
    return [paceText((now.tokens - first.tokens) / seconds, left), ...cost].join(", ");
  }
}
