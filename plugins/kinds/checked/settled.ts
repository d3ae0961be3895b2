/**
 * Promises of plugins that can't be settled any more. Nothing but what settles a promise holds one that is waited for, so one that
 * the garbage collector takes away will never be settled, and the wait for it would never end: a process whose event loop is empty
 * ends by itself, a Worker doesn't.
 * @module
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Milliseconds from a call to the first look, and the most between two. */
const FIRST_LOOK = 500, SELDOM = 60_000;

const lost = new FinalizationRegistry<{ giveUp(): void }>((wait) => wait.giveUp());
let waiting = 0, timer: ReturnType<typeof setTimeout> | undefined;

/**
 * The outcome of `promise`, or a rejection with `error` once nothing is left that could settle it. That is found seconds after the
 * call, and later the longer it lasts; what holds a promise without settling it is never found.
 */
export function settled<T>(promise: Promise<T>, error: () => Error): Promise<T> {
  const wait = new Wait<T>(error);
  promise.then(wait.resolve, wait.reject);
  lost.register(promise, wait, wait);
  return wait.outcome;
}

/** A wait for a promise; it must not lead to that promise, so no function of it may see the promise's variable. */
class Wait<T> {
  readonly outcome: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
  readonly #error: () => Error;

  constructor(error: () => Error) {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.outcome = promise;
    this.#error = error;
    this.resolve = (value) => resolve(this.#ended(value));
    this.reject = (reason) => reject(this.#ended(reason));
    if (++waiting === 1) look(FIRST_LOOK);
  }

  /** Ends a wait whose promise is gone. */
  giveUp(): void {
    this.reject(this.#error());
  }

  #ended<V>(outcome: V): V {
    lost.unregister(this);
    if (--waiting === 0) clearTimeout(timer);
    return outcome;
  }
}

/** Collects garbage after `wait` milliseconds, and again after twice as many. The timer keeps no process alive. */
function look(wait: number): void {
  timer = setTimeout(() => {
    collect();
    look(Math.min(2 * wait, SELDOM));
  }, wait);
  Deno.unrefTimer(Number(timer));
}

/** V8 has a function for it only in contexts that are made after the flag is set. */
function collect(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}
