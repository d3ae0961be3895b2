/**
 * The call into a plugin of one's own that is under way, in memory that another thread can look at: code that never gives way can't be
 * told of by the thread that it holds.
 * @module
 */

/** Places of the numbers: calls entered and not left, calls so far, promises that are waited for, beats, bytes of the text. */
const DEPTH = 0, SERIAL = 1, WAITING = 2, BEATS = 3, LENGTH = 4, NUMBERS = 5;
const TEXT_BYTES = 1024;

/** The numbers and the text of this thread. */
export const CALLS: SharedArrayBuffer = new SharedArrayBuffer(4 * NUMBERS + TEXT_BYTES);
const numbers = new Int32Array(CALLS, 0, NUMBERS);
const text = new Uint8Array(CALLS, 4 * NUMBERS);
let named = "";

/** What another thread sees. */
export interface SeenCalls {
  /** True while a plugin's code is called and hasn't returned. */
  underWay: boolean;
  /** True while a promise of a plugin is waited for. */
  waiting: boolean;
  /** Number of the outermost call. */
  serial: number;
  /** Number of times that the thread gave way since it began to beat. */
  beats: number;
  /** The plugin, or file, that was called last from outside of plugins; "" before the first. */
  plugin: string;
}

/** Calls a plugin's code. @param plugin Its kind, name and file, or its file while it is loaded */
export function calling<T>(plugin: string, call: () => T): T {
  enter(plugin);
  try {
    return call();
  } finally {
    leave();
  }
}

/** The outcome of a plugin's promise; it counts as waited for until then. */
export async function waitingFor<T>(promise: Promise<T>): Promise<T> {
  Atomics.add(numbers, WAITING, 1);
  try {
    return await promise;
  } finally {
    Atomics.sub(numbers, WAITING, 1);
  }
}

/** Begins a call that {@linkcode leave} ends. */
export function enter(plugin: string): void {
  if (Atomics.add(numbers, DEPTH, 1) > 0) return;
  if (plugin !== named) {
    named = plugin;
    const bytes = new TextEncoder().encode(plugin).subarray(0, TEXT_BYTES);
    text.set(bytes);
    Atomics.store(numbers, LENGTH, bytes.length);
  }
  Atomics.add(numbers, SERIAL, 1);
}

/** Ends a call. */
export function leave(): void {
  Atomics.sub(numbers, DEPTH, 1);
}

/** Counts on as often as this thread gives way, at most once in `every` milliseconds. The timer keeps no process alive. */
export function beat(every: number): void {
  Deno.unrefTimer(Number(setInterval(() => Atomics.add(numbers, BEATS, 1), every)));
}

/** The calls of the thread whose {@linkcode CALLS} this is. */
export function seenCalls(memory: SharedArrayBuffer): SeenCalls {
  const seen = new Int32Array(memory, 0, NUMBERS);
  const bytes = new Uint8Array(memory, 4 * NUMBERS, Atomics.load(seen, LENGTH)).slice();
  return {
    underWay: Atomics.load(seen, DEPTH) > 0,
    waiting: Atomics.load(seen, WAITING) > 0,
    serial: Atomics.load(seen, SERIAL),
    beats: Atomics.load(seen, BEATS),
    plugin: new TextDecoder().decode(bytes),
  };
}
