/**
 * Numbers of threads of a product: one that nobody chose, and one that is too much for the machine.
 * @module
 */

/** Threads a processor at most: a file of a larger machine runs, and a slip of the finger doesn't hold the machine up for hours. */
const MOST_A_PROCESSOR = 16;

/**
 * Refuses more threads than the machine can take: each product is a meeting of all of them.
 * @param threads ≥ 1
 * @param processors Of this machine
 * @returns `threads`
 * @throws {RangeError} If there are more than 16 a processor
 */
export function fittingThreads(threads: number, processors: number = navigator.hardwareConcurrency): number {
  if (threads <= MOST_A_PROCESSOR * processors) return threads;
  throw new RangeError(
    `Cannot use ${threads} threads as this machine has ${processors} processor${
      processors === 1 ? "" : "s"
    }, and each product waits for all of them: set threads (--threads, or the variable OMP_NUM_THREADS) to at most ${
      MOST_A_PROCESSOR * processors
    }, best to ${processors}`,
  );
}

/**
 * Threads of a product, where nobody says how many: `OMP_NUM_THREADS`, which PyTorch and NumPy obey, too, and which batch systems
 * set to the processors a job may use; otherwise the number of processors.
 * @param variable Text of the variable; a list is of nested teams, of which the first counts
 * @throws {RangeError} If it is no whole number from 1.
 */
export function defaultThreads(variable: string = Deno.env.get("OMP_NUM_THREADS") ?? ""): number {
  if (variable.trim() === "") return navigator.hardwareConcurrency;
  const threads = Number(variable.split(",", 1)[0]);
  if (Number.isInteger(threads) && threads > 0) return threads;
  throw new RangeError(
    `Cannot use OMP_NUM_THREADS as a number of threads: a whole number from 1 is needed: current value is ${
      JSON.stringify(variable)
    }`,
  );
}
