/**
 * A limit of time around code that doesn't give way, in the thread that runs it. `Worker.terminate()` leaves such code running
 * (Deno 2.9.6): its thread would keep a core for as long as the process lives. V8's own interruption ends it, patterns too.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { withinTime } from "./time_limit.ts";
 *
 * assertEquals(withinTime(100, () => 1 + 1), { value: 2 });
 * ```
 * @module
 */
import { Script } from "node:vm";

const SCRIPT = new Script("work()");

/**
 * Runs some work for so long at most.
 * @param ms Milliseconds, 1 or more; time for which the process stands still counts
 * @param work Synchronous; where it is ended, what it has changed stays changed
 * @returns null if it was ended
 * @throws What the work throws
 */
export function withinTime<T>(ms: number, work: () => T): { value: T } | null {
  let done: { value: T } | null = null;
  try {
    SCRIPT.runInNewContext({ work: () => void (done = { value: work() }) }, { timeout: ms });
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
  }
  return done;
}
