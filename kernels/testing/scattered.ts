/**
 * Numbers for tests, without a pattern.
 * @module
 */
import { numbersBy } from "../../formats/elements.ts";

/** Numbers between −1 and 1 from a counter, `[count]`; others for each seed from 0. */
export function scattered(count: number, seed: number): Float64Array {
  let state = seed + 1;
  return numbersBy(count, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround(state / 2 ** 31 - 1);
  });
}
