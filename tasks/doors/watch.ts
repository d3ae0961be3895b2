/**
 * The door's look at its task: code that never gives way, such as an endless loop in a plugin, hears no signal, and the thread that it
 * holds can neither tell of it nor end it.
 * @module
 */
import { type SeenCalls, seenCalls } from "../../plugins/kinds/checked/calls.ts";
import { printError } from "../common/cli/print.ts";
import { onStopSignal, SIGNAL_CODES, type StopSignal } from "../common/process/stop_signals.ts";

/** Times without giving way, ms. */
export interface Patience {
  /** Behind a signal: it wasn't heard; the next one ends the task, at the latest after the same time. */
  heard: number;
  /** Behind a signal: one call of a plugin of one's own is taken for endless, and ended. */
  call: number;
  /** Behind a signal: the same for code with which a plugin may have gone on after a wait, and which may also be the project's own. */
  waiting: number;
  /** At any time: a call of a plugin of one's own is told. */
  note: number;
}

/** Time and timers, which keep no process alive; a test has its own. */
export interface WatchClock {
  /** Milliseconds since any fixed moment. */
  now(): number;
  /** Calls again and again. @returns Ends that */
  every(ms: number, call: () => void): () => void;
  /** Calls once. @returns Prevents that */
  after(ms: number, call: () => void): () => void;
}

const CLOCK: WatchClock = {
  now: () => performance.now(),
  every(ms, call) {
    const timer = setInterval(call, ms);
    Deno.unrefTimer(Number(timer));
    return () => clearInterval(timer);
  },
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};

const PATIENCE: Patience = { heard: 2_000, call: 10_000, waiting: 25_000, note: 30_000 };

/** Looks within the shortest patience. */
const LOOKS = 8;

/** The share of it that a task which gives way gets behind the second signal: it ends by itself on one that it hears. */
const SECOND = 4;

/** Watches over one task. */
export class Watch implements Disposable {
  readonly #end: (code: number) => void;
  readonly #patience: Patience;
  readonly #clock: WatchClock;
  #listening: Disposable | undefined;
  #calls: SharedArrayBuffer | undefined;
  #stopLooking = () => {};
  #last: (() => void) | undefined;
  #heeding = 0;
  /** When it looked last, and how long it couldn't look where it should have: as the task, so that this is no patience spent. */
  #looked = NaN;
  #stood = 0;
  /** When the task was last seen to give way, and since when the same call is the last one. */
  #seen = { time: 0, beats: -1, serial: -1, since: 0 };
  #noted = -1;
  /** The first signal, and if it was told that it can't be heard. */
  #signalled: { time: number; told: boolean; signal: StopSignal } | undefined;

  /** @param end Ends the process */
  constructor(end: (code: number) => void, patience: Patience = PATIENCE, clock: WatchClock = CLOCK) {
    this.#end = (code) => {
      this[Symbol.dispose]();
      end(code);
    };
    this.#patience = patience;
    this.#clock = clock;
  }

  /** The plugin that was called last; undefined before the first. */
  get plugin(): string | undefined {
    return this.#calls && seenCalls(this.#calls).plugin || undefined;
  }

  /** Looks at the task's calls from now on. */
  look(calls: SharedArrayBuffer): void {
    this.#calls = calls;
    this.#stopLooking = this.#clock.every(this.#patience.heard / LOOKS, () => this.#tick(seenCalls(calls)));
  }

  /** Looks no more. */
  [Symbol.dispose](): void {
    this.#stopLooking();
    this.#last?.();
  }

  /** Listens to signals as long as the task does: without it they end the process by themselves. */
  heed(heeds: boolean): void {
    this.#heeding += heeds ? 1 : -1;
    if (this.#heeding !== (heeds ? 1 : 0)) return;
    this.#signalled = undefined;
    this.#listening?.[Symbol.dispose]();
    this.#listening = heeds ? onStopSignal((signal) => this.signal(signal)) : undefined;
  }

  /** A signal to end came. */
  signal(signal: StopSignal = "SIGINT"): void {
    const calls = this.#calls, time = this.#now();
    if (calls === undefined) return;
    if (this.#signalled === undefined) return void (this.#signalled = { time, told: false, signal });
    // one to a whole process group comes twice: by itself, and passed on by `deno task`
    if (time - this.#signalled.time < 500) return;
    const { beats, serial } = seenCalls(calls), { heard } = this.#patience;
    const gaveWay = () => seenCalls(calls).beats !== beats;
    this.#last ??= this.#clock.after(heard / SECOND, () => {
      // to a task that didn't give way, signals that came meanwhile are one
      if (gaveWay()) return this.#end(SIGNAL_CODES[signal]);
      this.#last = this.#clock.after(heard - heard / SECOND, () => {
        if (gaveWay()) return this.#end(SIGNAL_CODES[signal]);
        const now = seenCalls(calls);
        // since that signal, however late this thread has looked
        const holder = now.underWay && now.serial === serial ? now.plugin : this.#held(now).holder;
        printError(
          `error: Cannot finish what is under way as ${holder} doesn't give way: ended by the second signal`,
        );
        this.#end(SIGNAL_CODES[signal]);
      });
    });
  }

  #tick(calls: SeenCalls): void {
    const pause = this.#patience.heard / LOOKS, late = this.#clock.now() - this.#looked - pause;
    // a process that was stopped goes on in this thread first, perhaps
    if (late > pause) this.#stood += late;
    this.#looked = this.#clock.now();
    const now = this.#now();
    const { serial, beats } = calls, since = serial === this.#seen.serial ? this.#seen.since : now;
    const time = beats === this.#seen.beats ? this.#seen.time : now;
    this.#seen = { time, beats, serial, since };
    if (time === now) return;
    const passed = now - time, seconds = Math.round(passed / 1000);
    const { holder, most } = this.#held(calls);
    if (this.#signalled === undefined) {
      if (most !== this.#patience.call || passed < this.#patience.note || this.#noted === serial) {
        return;
      }
      this.#noted = serial;
      printError(
        `note: ${holder} hasn't given way for ${seconds} s: it computes without an end, or without a pause. Ctrl-C twice ends this`,
      );
    } else if (now - this.#signalled.time >= most && passed >= most) {
      printError(
        `error: Cannot finish what is under way as ${holder} hasn't given way for ${seconds} s, the signal came ${
          Math.round((now - this.#signalled.time) / 1000)
        } s ago: it computes without an end, or without a pause`,
      );
      this.#end(SIGNAL_CODES[this.#signalled.signal]);
    } else if (
      !this.#signalled.told && now - this.#signalled.time >= this.#patience.heard &&
      passed >= this.#patience.heard
    ) {
      this.#signalled.told = true;
      printError(
        `\nStopping: ${holder} doesn't give way and has to come to an end first${
          most < Infinity ? ` (it is given ${Math.round(most / 1000)} s)` : ""
        }. Ctrl-C again ends at once.`,
      );
    }
  }

  /** Milliseconds that it could look. */
  #now(): number {
    return this.#clock.now() - this.#stood;
  }

  /** What holds the task, in words, and for how long it may after a signal. */
  #held({ underWay, waiting, plugin }: SeenCalls): { holder: string; most: number } {
    const { call, waiting: longer, heard } = this.#patience;
    if (underWay && this.#now() - this.#seen.since >= heard) return { holder: plugin, most: call };
    if (waiting) return { holder: `what is being computed (perhaps by ${plugin})`, most: longer };
    return { holder: "what is being computed", most: Infinity };
  }
}
