/**
 * Processes that a bench starts, and what they start: none outlives the bench, be that ended by Ctrl-C, by SIGTERM or with its terminal.
 * @module
 */
import { endProcess } from "../common/process/behind_door.ts";
import { onStopSignal, SIGNAL_CODES } from "../common/process/stop_signals.ts";

const running = new Set<() => void>();
// only while there is something to end: what computes without a pause in this process hears no signal that is listened to
let signals: Disposable | undefined;

/** Calls `end` when a signal asks this process to end, which it then does; until disposed. */
export function endedTogether(end: () => void): Disposable {
  running.add(end);
  signals ??= onStopSignal((signal) => {
    for (const each of running) each();
    endProcess(SIGNAL_CODES[signal]);
  });
  return {
    [Symbol.dispose]() {
      running.delete(end);
      if (running.size > 0) return;
      signals?.[Symbol.dispose]();
      signals = undefined;
    },
  };
}

/**
 * Starts a process that ends with this one.
 * @param signal By which it is ended: SIGTERM where it has something to take away
 * @throws {Deno.errors.NotFound} If there is no such program
 */
export function startChild(
  program: string,
  options: Deno.CommandOptions,
  signal: Deno.Signal = "SIGKILL",
): Deno.ChildProcess {
  const child = new Deno.Command(program, options).spawn();
  const together = endedTogether(() => {
    try {
      child.kill(signal);
    } catch { /* it has ended already */ }
  });
  void child.status.finally(() => together[Symbol.dispose]());
  return child;
}
