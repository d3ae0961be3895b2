/** `deno task train` as a process, on LLaMA-Factory's tiny golden model and data. */
import { join } from "@std/path";

import { type DenoEnd, PROJECT_FOLDER, startDeno, taskWords } from "./helpers/deno_process.ts";
import { killedWith } from "./helpers/killed.ts";
import { within } from "./helpers/until.ts";

/** Model, data and runs of LLaMA-Factory. */
export const goldenFolder = join(PROJECT_FOLDER, "fixtures/goldens/llamafactory");

/** Exit code and output of a process. */
export type Ended = Pick<DenoEnd, "code" | "stdout" | "stderr">;

/** A training of the longest kind takes less, in milliseconds. */
const LONGEST_MS = 900_000;

/** A running training process, which doesn't outlive this. */
export class TrainProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #stdout: Promise<string>;
  readonly #read: Promise<void>;
  #progress = "";
  #waiting: { text: string | RegExp; resolve: () => void } | null = null;

  constructor(args: readonly string[], variables: Readonly<Record<string, string>> = {}) {
    this.#child = startDeno(taskWords("train", ...args), { env: variables });
    this.#stdout = new Response(this.#child.stdout).text();
    this.#read = this.#readProgress();
  }

  /** The command and its arguments, for a test that starts it in its own way, in the project's folder. */
  static commandLine(args: readonly string[]): string[] {
    return [Deno.execPath(), ...taskWords("train", ...args)];
  }

  /** Resolves when the text has been on standard error. @throws {Error} If the process ends without it, or goes on without end */
  async saw(text: string | RegExp): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = { text, resolve };
    this.#look();
    const ended = this.#read.then(async () => {
      // it may have been the last word
      if (!this.#has(text)) {
        throw new Error(`Ended without ${text}:\n${await this.#stdout}${this.#progress}`);
      }
    });
    await within(`${text} of a training`, Promise.race([promise, ended]), { said: () => this.#progress });
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Its end. @throws {Error} If it goes on without one */
  async ended(): Promise<Ended> {
    const end = Promise.all([this.#child.status, this.#stdout, this.#read]);
    const options = { patience: LONGEST_MS, said: () => this.#progress };
    const [{ code }, stdout] = await within("the end of a training", end, options);
    return { code, stdout, stderr: this.#progress };
  }

  /** Ends it, stopped or not, where it hasn't ended by itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    await killedWith(this.#child)[Symbol.asyncDispose]();
    await this.#read;
  }

  async #readProgress(): Promise<void> {
    for await (const chunk of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#progress += chunk;
      this.#look();
    }
  }

  #look(): void {
    if (this.#waiting && this.#has(this.#waiting.text)) this.#waiting.resolve();
  }

  #has(text: string | RegExp): boolean {
    return typeof text === "string" ? this.#progress.includes(text) : text.test(this.#progress);
  }
}

/** Runs to the end. */
export async function runTrain(...args: string[]): Promise<Ended> {
  await using process = new TrainProcess(args);
  return await process.ended();
}

/** Runs a command line through a shell, in a folder. */
export async function runShell(line: string, cwd: string): Promise<Ended> {
  const path = `${join(Deno.execPath(), "..")}:${Deno.env.get("PATH")}`;
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", line],
    cwd,
    env: { NO_COLOR: "1", PATH: path },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Arguments of a golden run of stage sft, into `folder`. */
export function goldenArguments(folder: string, ...more: string[]): string[] {
  return [
    join(goldenFolder, "runs/sft_fixed/config.yaml"),
    `model_name_or_path=${join(goldenFolder, "model")}`,
    `adapter_name_or_path=${join(goldenFolder, "adapter")}`,
    `dataset_dir=${join(goldenFolder, "data")}`,
    `output_dir=${folder}`,
    "plot_loss=false",
    ...more,
  ];
}
