/**
 * Letting others in.
 * @module
 */
import { setImmediate } from "node:timers";

/** Lets messages and timers of this thread in: a program holds it while it runs. */
export function breathe(): Promise<void> {
  // A timer of 0 ms takes 1 to 2 ms.
  return new Promise((resolve) => setImmediate(resolve));
}
