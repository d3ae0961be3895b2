/**
 * Systems that a test can't run on.
 * @module
 */

/** `ignore` on Windows, which has no signals, shells or limits as the test needs them; `why` is for names of tests. */
export const UNIX: { ignore: boolean; why: string } = on(Deno.build.os !== "windows", "not on Windows");

/** `ignore` where the system isn't Linux, whose files the test reads; `why` is for names of tests. */
export const LINUX: { ignore: boolean; why: string } = on(Deno.build.os === "linux", "on Linux only");

function on(isThere: boolean, reason: string): { ignore: boolean; why: string } {
  return isThere ? { ignore: false, why: "" } : { ignore: true, why: ` (ignored: ${reason})` };
}
