/**
 * Tasks behind a door (tasks/doors/open.ts): they run in a Worker that may write to some folders only, and say to the process that
 * started it what only that one can do.
 * @module
 */

/** Orders to the door. */
export interface DoorMessage {
  /** End the process with this code. */
  exit?: number;
  /** Give deno.lock the text back that it had at the start. */
  lock?: true;
  /** Calls into plugins, to be looked at while the task doesn't give way (plugins/kinds/checked/calls.ts). */
  calls?: SharedArrayBuffer;
  /** True from now on: the task ends by itself on Ctrl-C. False: it doesn't any more. */
  heeds?: boolean;
}

/** Name of the Worker of a task. */
export const BEHIND_DOOR = "dinotune-task";

const scope = globalThis as unknown as { name?: string; postMessage(message: DoorMessage): void };

/** True if this code runs behind a door. */
export function isBehindDoor(): boolean {
  return scope.name === BEHIND_DOOR;
}

/** Sends an order to the door; only behind one. */
export function doorMessage(message: DoorMessage): void {
  scope.postMessage(message);
}

/** Deno's own way to end, once {@linkcode keepExit} has taken its name away. */
let exit: ((code: number) => never) | undefined;

/** Ends the process, be it from behind a door. */
export function endProcess(code: number): never {
  if (isBehindDoor()) doorMessage({ exit: code });
  return (exit ?? Deno.exit)(code);
}

/** Keeps the end of the process to {@linkcode endProcess}: `Deno.exit`, `process.exit` and `close` call `instead` from now on. */
export function keepExit(instead: (call: string) => never): void {
  exit = Deno.exit.bind(Deno);
  Deno.exit = (code) => instead(`Deno.exit(${code ?? ""})`);
  Object.assign(globalThis, { close: () => instead("close()") });
}
