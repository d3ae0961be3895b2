/**
 * Interruption of an export: signals are heard between two tensors, and nothing is put into the folder after one.
 * @module
 */

/**
 * Carries out a writing, with a pause for signals at each of its steps.
 * @throws {Error} If it was interrupted
 */
export async function interruptible<T>(writing: Generator<void, T>, signal: AbortSignal | null): Promise<T> {
  try {
    for (let turn = writing.next();; turn = writing.next()) {
      if (turn.done) return turn.value;
      await signalsComeIn();
      checkGoesOn(signal);
    }
  } finally {
    // files that are open
    writing.return(undefined as T);
  }
}

/** Gives signals that have arrived their turn. */
export function signalsComeIn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** @throws {Error} If it was interrupted */
export function checkGoesOn(signal: AbortSignal | null): void {
  if (signal?.aborted) {
    throw new Error(
      "Stopped before the export was whole: nothing was put into export_dir; the same command starts again",
    );
  }
}
