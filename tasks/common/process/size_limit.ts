/**
 * A limit on files' sizes (`ulimit -f`, a batch system's): the system ends a process that writes more, without a word, unless it takes
 * the signal. Then the write fails, and its error is told (`writeError` of formats/atomic.ts). Python does the same.
 * @module
 */

/** Makes a file that is too large an error of its write, in all threads of this process. Keeps no process alive. */
export function failOnLargeFiles(): void {
  if (Deno.build.os === "windows") return;
  Deno.addSignalListener("SIGXFSZ", () => {});
}
