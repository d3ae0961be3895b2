/**
 * Waiting for what another process, thread or page does, for as long as a busy machine takes: then the test fails and says what
 * didn't come, where a loop of its own would wait for ever.
 * @module
 */

/** More than anything takes beside other tests, in milliseconds. */
const PATIENCE_MS = 300_000;
/** Milliseconds between two looks. */
const PAUSE_MS = 5;

/** What a test that waits may say besides. */
export interface WaitOptions {
  /** More words for the error, such as what a process has printed; asked for then. */
  said?: () => string;
  /** Milliseconds, > 0; five minutes by default. */
  patience?: number;
}

/**
 * Looks again and again until there is something.
 * @param what Words behind "for", such as `the second line of the log`
 * @returns What was found: anything but undefined, null and false
 * @throws {Error} If nothing is there in time
 */
export async function until<Found>(
  what: string,
  look: () => Found | Promise<Found>,
  { said, patience = PATIENCE_MS }: WaitOptions = {},
): Promise<Exclude<Found, undefined | null | false>> {
  for (const end = performance.now() + patience;;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) {
      return found as Exclude<Found, undefined | null | false>;
    }
    if (performance.now() > end) throw inVain(what, patience, said);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/**
 * The outcome of a promise that might never be settled.
 * @param what Words behind "for", such as `the end of the process`
 * @throws {Error} If it isn't settled in time
 */
export async function within<Outcome>(
  what: string,
  promise: Promise<Outcome>,
  { said, patience = PATIENCE_MS }: WaitOptions = {},
): Promise<Outcome> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(inVain(what, patience, said)), patience);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function inVain(what: string, patience: number, said: (() => string) | undefined): Error {
  const more = said?.() ?? "";
  return new Error(
    `Waited ${Math.round(patience / 1000)} s in vain for ${what}${more === "" ? "" : `:\n${more}`}`,
  );
}
