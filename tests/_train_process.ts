/** `deno task train` as a process, on LLaMA-Factory's tiny golden model and data. */
import { join } from "@std/path";

import project from "../deno.json" with { type: "json" };

const root = new URL("../", import.meta.url).pathname;
/** Model, data and runs of LLaMA-Factory. */
export const goldenFolder = join(root, "fixtures/goldens/llamafactory");
/** The task's own command, so that its permissions are tested too. */
const command = project.tasks.train.split(" ").slice(1);

/** Exit code and output of a process. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** A running training process. */
export class TrainProcess {
  readonly #child: Deno.ChildProcess;
  readonly #stdout: Promise<string>;
  readonly #read: Promise<void>;
  #progress = "";
  #waiting: { text: string; resolve: () => void } | null = null;

  constructor(args: readonly string[], variables: Readonly<Record<string, string>> = {}) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [...command, ...args],
      cwd: root,
      env: { NO_COLOR: "1", ...variables },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#stdout = new Response(this.#child.stdout).text();
    this.#read = this.#readProgress();
  }

  /** The command and its arguments, for a test that starts it in its own way, in the project's folder. */
  static commandLine(args: readonly string[]): string[] {
    return [Deno.execPath(), ...command, ...args];
  }

  /** Resolves when the text has been on standard error, or the process has ended. */
  async saw(text: string): Promise<void> {
    if (this.#progress.includes(text)) return;
    await Promise.race([new Promise<void>((resolve) => this.#waiting = { text, resolve }), this.#read]);
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  get pid(): number {
    return this.#child.pid;
  }

  async ended(): Promise<Ended> {
    const { code } = await this.#child.status;
    await this.#read;
    return { code, stdout: await this.#stdout, stderr: this.#progress };
  }

  async #readProgress(): Promise<void> {
    for await (const chunk of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#progress += chunk;
      if (this.#waiting && this.#progress.includes(this.#waiting.text)) this.#waiting.resolve();
    }
  }
}

/** Runs to the end. */
export function runTrain(...args: string[]): Promise<Ended> {
  return new TrainProcess(args).ended();
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
