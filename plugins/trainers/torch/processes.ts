/**
 * The Python processes of a run: started, watched, and gone when the run is.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { causeIsKnown, type EndedProcess, failureOf } from "./failure.ts";
import type { Launch } from "./launch.ts";

/** Wait for the end of the rank that failed first, once the others report that they lost it; in ms. */
const SETTLE = 10_000;

/** Wait for the last words of a process that has ended; in ms. Its children may hold the pipe open for as long as they live. */
const LAST_WORDS = 2_000;

/** Standard input and output of a process, for frames. */
export interface Pipes {
  stdin: WritableStreamDefaultWriter<Uint8Array>;
  stdout: ReadableStream<Uint8Array>;
}

interface Running {
  rank: number | null;
  child: Deno.ChildProcess;
  stdin: WritableStreamDefaultWriter<Uint8Array>;
  /** Filled when it has ended. */
  ended: Promise<EndedProcess>;
}

/** Processes that belong together: when one ends unasked, all do. */
export class Processes {
  /** Rejects, with the error to show, when a process ended before {@linkcode Processes.stop}. Never resolves. */
  readonly failed: Promise<never>;
  readonly #running: readonly Running[];
  readonly #ended: EndedProcess[] = [];
  readonly #world: number;
  #stopping = false;
  #begun = false;

  /** @throws {Error} If a program can't be started: says what to set; none is left then */
  constructor(list: readonly Launch[], world: number) {
    this.#world = world;
    const running: Running[] = [];
    try {
      for (const launch of list) running.push(start(launch));
      // Frames come from the first alone; the others' pipes must not fill up.
      for (const { child } of running.slice(1)) drain(child.stdout);
    } catch (error) {
      for (const one of running) kill(one.child);
      throw cannotStart(error, list[0]?.command[0] ?? "");
    }
    this.#running = running;
    this.failed = this.#watch();
    // Nobody may be waiting when it happens; whoever asks next is told.
    this.failed.catch(() => {});
  }

  /** Pipes of the first process: of rank 0, or of a launcher whose ranks have them too. */
  get pipes(): Pipes {
    const { stdin, child } = item(this.#running, 0);
    return { stdin, stdout: child.stdout };
  }

  /** Numbers of the processes. */
  get ids(): number[] {
    return this.#running.map(({ child }) => child.pid);
  }

  /** From here on a failure interrupts work rather than keeps it from starting. */
  begun(): void {
    this.#begun = true;
  }

  /** Ends all, at once or after a time to end by themselves (ms). */
  async stop(patience = 0): Promise<void> {
    this.#stopping = true;
    const all = Promise.all(this.#running.map(({ ended }) => ended));
    if (patience > 0) await within(all, patience);
    for (const { child } of this.#running) kill(child);
    // A launcher's ranks aren't ours to kill: they end when their standard input does.
    await Promise.all(this.#running.map(({ stdin }) => stdin.close().catch(() => {})));
    await all;
  }

  /** Waits until all have ended by themselves. @throws {Error} If one fails */
  async finished(): Promise<void> {
    const all = await Promise.all(this.#running.map(({ ended }) => ended));
    if (!all.every(({ status }) => status.success)) await this.failed;
  }

  async #watch(): Promise<never> {
    const all = this.#running.map(async ({ ended }) => {
      this.#ended.push(await ended);
    });
    await Promise.race(all);
    const until = Date.now() + SETTLE;
    while (
      !this.#stopping && !causeIsKnown(this.#ended) && this.#ended.length < all.length && Date.now() < until
    ) {
      await within(Promise.all(all), 50);
    }
    const seen = [...this.#ended];
    if (this.#stopping) return await new Promise<never>(() => {});
    await this.stop();
    throw failureOf(seen, this.#world, this.#begun ? "continue" : "start");
  }
}

function start({ rank, command: [program, ...args], env }: Launch): Running {
  const child = new Deno.Command(program, {
    args,
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    // Not in the terminal's group: Ctrl-C is for this program, which then saves with the ranks' help.
    detached: Deno.build.os !== "windows",
  }).spawn();
  const words = tailOf(child.stderr);
  return {
    rank,
    child,
    stdin: child.stdin.getWriter(),
    ended: child.status.then(async (status) => {
      await within(words.end, LAST_WORDS);
      return { rank, status, text: words.tail };
    }),
  };
}

/** The end of a stream as far as it was read, enough for an error and its trace. */
function tailOf(stream: ReadableStream<Uint8Array>): { tail: string; end: Promise<void> } {
  const read = { tail: "", end: Promise.resolve() };
  read.end = (async () => {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) {
      read.tail = (read.tail + part).slice(-30_000);
    }
  })();
  return read;
}

async function drain(stream: ReadableStream<Uint8Array>): Promise<void> {
  for await (const _ of stream) { /* nobody reads it */ }
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // gone already
  }
}

/** Waits for a promise, but no longer than so many ms. */
async function within(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([promise, new Promise((resolve) => timer = setTimeout(resolve, ms))]);
  clearTimeout(timer);
}

function cannotStart(error: unknown, program: string): Error {
  if (error instanceof Deno.errors.NotFound) {
    return new Error(
      `Cannot start PyTorch as there is no program ${program}: set python in trainer_options or DINOTUNE_PYTHON to a Python that ` +
        "has torch, transformers and peft (deno task doctor says what is there), or train with trainer: local",
    );
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return new Error(
      `Cannot start PyTorch as ${program} can't be carried out (it isn't a program, or is another user's): set python in ` +
        "trainer_options or DINOTUNE_PYTHON to a Python's own path",
    );
  }
  if (error instanceof Deno.errors.NotCapable) {
    return new Error(
      `Cannot start PyTorch as this task may not start ${program}: run it with --allow-run, as deno task train does`,
    );
  }
  return error instanceof Error ? error : new Error(String(error));
}
