/**
 * Signals that ask a task to stop: Ctrl-C, a process manager's, and the closing of its terminal.
 *
 * Deno takes back what `nohup` asks for, that a closed terminal is ignored, and doesn't tell of it (seen with Deno 2.9.6). A task that has no terminal at any of
 * its streams, as behind `nohup`, has none that could close: it goes on.
 * @module
 */

/** A signal that asks a task to stop. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** Exit code of a task that a signal stopped: 128 and the signal's number, as shells give it for one that a signal ended. */
export const SIGNAL_CODES: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

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
  return {
    [Symbol.dispose]() {
      for (const [signal, listen] of signals) Deno.removeSignalListener(signal, listen);
    },
  };
}

function isAtTerminal(): boolean {
  return [Deno.stdin, Deno.stdout, Deno.stderr].some((stream) => stream.isTerminal());
}
