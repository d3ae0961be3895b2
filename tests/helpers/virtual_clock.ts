/**
 * Virtual time: hours of waiting in a moment, the same on every machine.
 * @module
 */
import type { Clock } from "../../tasks/ask/adaptive_limit.ts";

/** A clock that moves on when nothing else can happen. */
export function virtualClock(): Clock & { run<T>(work: Promise<T>): Promise<T> } {
  let time = 0;
  let waiting: { until: number; wake: () => void }[] = [];
  return {
    now: () => time,
    sleep: (ms) => new Promise((wake) => void waiting.push({ until: time + ms, wake })),
    async run(work) {
      let done = false;
      const ended = work.finally(() => done = true);
      while (!done) {
        // all that can proceed does so before the clock moves
        await new Promise((resolve) => setTimeout(resolve, 0));
        if (waiting.length === 0) continue;
        time = Math.min(...waiting.map(({ until }) => until));
        const { due = [], later = [] } = Object.groupBy(
          waiting,
          ({ until }) => until <= time ? "due" : "later",
        );
        waiting = later;
        for (const { wake } of due) wake();
      }
      return await ended;
    },
  };
}
