/**
 * Ctrl-C, and the other signals that ask a task to stop.
 * @module
 */
import { stopDownloadsBy } from "../../../formats/hub/stop.ts";
import { doorMessage, endProcess, isBehindDoor } from "../process/behind_door.ts";
import { onStopSignal, SIGNAL_CODES, type StopSignal } from "../process/stop_signals.ts";
import { printError } from "./print.ts";

/** Ctrl-C: the first one aborts the signal, the second one ends the process. */
export interface Interruption extends Disposable {
  /** Aborted by the first Ctrl-C. */
  signal: AbortSignal;
  /** Exit code of a task that was stopped: {@linkcode SIGNAL_CODES} of the first signal. */
  readonly code: number;
}

let stoppedWith: number | undefined;

/** Exit code of the signal that this task was asked to stop by; undefined: it wasn't. */
export function stoppedBy(): number | undefined {
  return stoppedWith;
}

/** Milliseconds of stopping until it is said that it goes on; then twice as many, and so on. */
const REMINDER_MS = 15_000;

/**
 * Listens for Ctrl-C (and the signals that end a process, or its terminal's) until disposed.
 * @param first In words: what is done before the task ends
 * @param reminderMs Time until it is told that this isn't done yet
 */
export function interruption(
  say: (text: string) => void = printError,
  first = "saving a checkpoint first",
  reminderMs: number = REMINDER_MS,
): Interruption {
  const controller = new AbortController();
  let begun = 0, code = SIGNAL_CODES.SIGINT;
  let reminder: ReturnType<typeof setTimeout> | undefined;
  const remindIn = (ms: number, passed: number) => {
    reminder = setTimeout(() => {
      say(`Still stopping, after ${Math.round(passed / 1000)} s: ${first}. Ctrl-C again ends at once.`);
      remindIn(2 * ms, passed + 2 * ms);
    }, ms);
    // it keeps no process that has nothing else to do
    Deno.unrefTimer(Number(reminder));
  };
  const listen = (signal: StopSignal) => {
    // a signal to a whole process group comes twice: by itself, and passed on by `deno task`
    if (controller.signal.aborted && performance.now() - begun < 500) return;
    if (controller.signal.aborted) endProcess(SIGNAL_CODES[signal]);
    begun = performance.now();
    code = stoppedWith = SIGNAL_CODES[signal];
    remindIn(reminderMs, reminderMs);
    say(`\nStopping: ${first}. Ctrl-C again ends at once.`);
    controller.abort();
  };
  const signals = onStopSignal(listen);
  const downloads = stopDownloadsBy(controller.signal);
  // a task that computes without a pause hears nothing: its door does
  if (isBehindDoor()) doorMessage({ heeds: true });
  return {
    signal: controller.signal,
    get code() {
      return code;
    },
    [Symbol.dispose]() {
      clearTimeout(reminder);
      if (isBehindDoor()) doorMessage({ heeds: false });
      signals[Symbol.dispose]();
      downloads[Symbol.dispose]();
    },
  };
}
