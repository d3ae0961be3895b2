/**
 * Processes that the board starts: trainings, dry runs, servers. Each has the permissions that deno.json gives its task.
 * @module
 */
import { fileURLToPath } from "node:url";

import project from "../../../deno.json" with { type: "json" };
import { STARTED_BY } from "../../common/process/stop_signals.ts";
import { taskArguments } from "../../dinotune.ts";

/** Folder of the clone. */
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** Lines of output that are kept. */
const KEPT = 400;

/** How a process is started. */
export interface StartOptions {
  /** Variables beside this process's own. */
  env?: Record<string, string>;
  /**
   * True: signals of the terminal and its closing reach this process alone, which ends the other by {@linkcode StartedProcess.stop}. A task
   * that heard them too would take the two for a second Ctrl-C, which saves nothing.
   */
  apart?: boolean;
}

/** A process and the end of what it has printed. */
export class StartedProcess {
  readonly #child: Deno.ChildProcess;
  #isStopping = false;
  readonly #lines: string[] = [];
  readonly #first = Promise.withResolvers<string | null>();
  #printed = "";
  #code: number | null = null;
  /** Resolves when it has ended and all of its output is read. */
  readonly ended: Promise<number>;

  /** Starts a program. */
  constructor(program: string, args: readonly string[], { env = {}, apart = false }: StartOptions = {}) {
    const child = this.#child = new Deno.Command(program, {
      args: [...args],
      // Windows has no such signals, and would open a window
      detached: apart && Deno.build.os !== "windows",
      env: { NO_COLOR: "1", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const read = Promise.all([
      this.#read(child.stdout, (line) => {
        this.#first.resolve(line);
        this.#printed += line + "\n";
      }),
      this.#read(child.stderr, () => {}),
    ]);
    this.ended = (async () => {
      const { code } = await child.status;
      await read;
      this.#first.resolve(null);
      return this.#code = code;
    })();
  }

  /** Number that the system gave it. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Exit code; null while it runs. */
  get code(): number | null {
    return this.#code;
  }

  /** The end of its output, both streams. */
  get log(): string {
    return this.#lines.join("\n");
  }

  /** Standard output so far. */
  get printed(): string {
    return this.#printed;
  }

  /** Its first line of standard output; null if it ends without one. */
  get firstLine(): Promise<string | null> {
    return this.#first.promise;
  }

  /** Asks it to end: a training saves a checkpoint first. Once only, as a second Ctrl-C ends a task in the midst of that. */
  stop(): void {
    if (!this.#isStopping) this.#interrupt();
  }

  /** Ends it at once where it was asked to end already; else as {@linkcode StartedProcess.stop}. */
  stopNow(): void {
    this.#interrupt();
  }

  #interrupt(): void {
    this.#isStopping = true;
    if (this.#code !== null) return;
    try {
      this.#child.kill("SIGINT");
    } catch { /* it has ended meanwhile */ }
  }

  async #read(stream: ReadableStream<Uint8Array>, tell: (line: string) => void): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#keep(line, tell);
    }
    if (rest !== "") this.#keep(rest, tell);
  }

  #keep(line: string, tell: (line: string) => void): void {
    // a progress bar writes over its own line
    const shown = line.slice(line.lastIndexOf("\r") + 1);
    this.#lines.push(shown);
    if (this.#lines.length > KEPT) this.#lines.shift();
    tell(shown);
  }
}

/** A task of this project with the permissions that deno.json gives it; it stops with this process, even where that is killed. */
export class TaskProcess extends StartedProcess {
  /** Starts it. */
  constructor(task: "train" | "serve" | "board", args: readonly string[], options: StartOptions = {}) {
    const env = { ...options.env, [STARTED_BY]: String(Deno.pid) };
    super(denoCommand(), [...taskArguments(project.tasks[task].command, ROOT), ...args], { ...options, env });
  }
}

/**
 * Deno as this process may start it: itself, or the one that PATH finds. A link on PATH is another program to Deno's permissions than
 * what it leads to.
 */
function denoCommand(): string {
  const itself = Deno.execPath();
  const { state } = Deno.permissions.querySync({ name: "run", command: itself });
  return state === "granted" ? itself : "deno";
}
