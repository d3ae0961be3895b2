/**
 * Ctrl-Z. `deno task` catches it and stays in front of the shell (seen with Deno 2.9.6): a task that stopped alone would leave a
 * terminal where nothing is heard any more, Ctrl-C neither. To stop `deno task` with it takes a permission to run.
 * @module
 */
import { installedCommand } from "./command.ts";
import { startedAt } from "./started_elsewhere.ts";
import { STARTED_BY } from "./stop_signals.ts";

/** Milliseconds within which a signal is the same one, by itself and passed on by `deno task`. */
const SAME_MS = 500;

/** Where `deno task` started this process, Ctrl-Z is told and passed by; elsewhere it stops the process, and `fg` continues it. */
export function passSuspensionBy(say: (line: string) => void): void {
  if (Deno.build.os === "windows" || startedAt().called === undefined) return;
  // the installed command starts tasks without `deno task`, and stops with them
  if (installedCommand() !== undefined) return;
  // the task that started this one says it
  const isTold = Deno.env.get(STARTED_BY) === undefined;
  let last = -Infinity;
  Deno.addSignalListener("SIGTSTP", () => {
    const now = performance.now();
    if (isTold && now - last > SAME_MS) {
      say("\nnote: Ctrl-Z is passed by, as `deno task` would keep the terminal: Ctrl-C ends this task");
    }
    last = now;
  });
}
