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
