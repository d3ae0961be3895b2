/**
 * Signals that ask a task to stop: Ctrl-C, a process manager's, and the closing of its terminal.
 *
 * Deno takes back what `nohup` asks for, that a closed terminal is ignored, and doesn't tell of it (seen with Deno 2.9.6). A task that has no terminal at any of
 * its streams, as behind `nohup`, has none that could close: it goes on.
 * @module
 */

/**
 * Calls `stop` for every such signal until disposed.
 * @param hasTerminal False: a closed terminal is none of the task's. Looked at now, as a closed one is no terminal any more
 */
export function onStopSignal(stop: () => void, hasTerminal: boolean = isAtTerminal()): Disposable {
  const signals: [Deno.Signal, () => void][] = Deno.build.os === "windows"
    ? [["SIGINT", stop]]
    : [["SIGINT", stop], ["SIGTERM", stop], ["SIGHUP", hasTerminal ? stop : () => {}]];
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
