/**
 * Stopping the compilation of a grammar from another thread. Ending its Worker would leave WebAssembly that doesn't give way running
 * (Deno 2.9.6), on a core of its own for minutes; so the library's calls of JavaScript, one a state or more, look at a flag.
 * @module
 */

/** Nobody waits for the grammar any more, or others go before. */
export class GrammarGivenUp extends Error {
  /** Its class, across Workers. */
  override name = "GrammarGivenUp";
}

/** It has taken as long as a grammar may. */
export class GrammarTooSlow extends Error {
  /** Its class, across Workers. */
  override name = "GrammarTooSlow";
}

/** When a compilation is to stop. */
export interface Stop {
  /** One Int32: not 0 when it is to be given up. */
  flag: SharedArrayBuffer;
  /** Time that it may take, in milliseconds. */
  mostMs: number;
}

/** Sets the flag. */
export function giveUp(flag: SharedArrayBuffer): void {
  Atomics.store(new Int32Array(flag), 0, 1);
}

/**
 * What to call now and then.
 * @returns A function that throws when the work is to stop. @throws {GrammarGivenUp} @throws {GrammarTooSlow}
 */
export function stopCheck({ flag, mostMs }: Stop): () => void {
  const given = new Int32Array(flag), end = performance.now() + mostMs;
  return () => {
    if (Atomics.load(given, 0) !== 0) throw new GrammarGivenUp("Cannot go on with a grammar: it is given up");
    if (performance.now() > end) {
      throw new GrammarTooSlow(
        `Cannot follow the JSON schema: its grammar isn't ready after ${mostMs / 1000} s; ` +
          "use shorter lengths, fewer items or members, or smaller patterns",
      );
    }
  };
}
