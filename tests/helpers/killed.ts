/**
 * Processes that don't outlive their test, whatever fails in it.
 * @module
 */

/** Ends a process with this, stopped or not, where it hasn't ended by itself. */
export function killedWith(child: Deno.ChildProcess): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch { /* it has ended already */ }
      await child.status;
    },
  };
}
