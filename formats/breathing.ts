/**
 * Turns for others: code that waits for nothing holds its thread, however many promises it has.
 * @module
 */

/** Lets timers, a progress bar and Ctrl-C have a turn ten times a second. @returns To be awaited in every round of a loop */
export function breathing(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < 100) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    last = performance.now();
  };
}
