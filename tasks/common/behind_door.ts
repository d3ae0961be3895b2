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

/** Ends the process, be it from behind a door. */
export function endProcess(code: number): never {
  if (isBehindDoor()) doorMessage({ exit: code });
  Deno.exit(code);
}
