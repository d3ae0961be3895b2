/**
 * Signals that ask a task to stop: Ctrl-C, a process manager's, and the closing of its terminal.
 *
 * Deno takes back what `nohup` asks for, that a closed terminal is ignored, and doesn't tell of it (seen with Deno 2.9.6). A task that has no terminal at any of
 * its streams, as behind `nohup`, has none that could close: it goes on. One that another task started, and says so in
 * {@linkcode STARTED_BY}, stops with that task too, however it ended.
 * @module
 */

/** A signal that asks a task to stop. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** Exit code of a task that a signal stopped: 128 and the signal's number, as shells give it for one that a signal ended. */
export const SIGNAL_CODES: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** Variable with the number of the process that starts a task and with which the task is to end. */
export const STARTED_BY = "DINOTUNE_STARTED_BY";

/** Milliseconds between two looks at who the parent is. */
const LOOK_MS = 1000;

/**
 * Calls `stop` with every such signal until disposed.
 * @param hasTerminal False: a closed terminal is none of the task's. Looked at now, as a closed one is no terminal any more
 */
export function onStopSignal(
  stop: (signal: StopSignal) => void,
  hasTerminal: boolean = isAtTerminal(),
): Disposable {
  const names: StopSignal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
  const signals = names.map((signal) =>
    [signal, signal !== "SIGHUP" || hasTerminal ? () => stop(signal) : () => {}] as const
  );
  for (const [signal, listen] of signals) Deno.addSignalListener(signal, listen);
  const orphaned = onOrphaned(() => stop("SIGTERM"));
  return {
    [Symbol.dispose]() {
      clearInterval(orphaned);
      for (const [signal, listen] of signals) Deno.removeSignalListener(signal, listen);
    },
  };
}

/** Calls once when the process that is named in {@linkcode STARTED_BY} is the parent no more. The timer keeps no process alive. */
function onOrphaned(stop: () => void): ReturnType<typeof setInterval> | undefined {
  const starter = Deno.env.get(STARTED_BY);
  // on Windows a process keeps the number of a parent that is gone
  if (starter === undefined || Deno.build.os === "windows") return undefined;
  const timer = setInterval(() => {
    if (String(Deno.ppid) === starter) return;
    clearInterval(timer);
    stop();
  }, LOOK_MS);
  Deno.unrefTimer(Number(timer));
  return timer;
}

function isAtTerminal(): boolean {
  return [Deno.stdin, Deno.stdout, Deno.stderr].some((stream) => stream.isTerminal());
}
