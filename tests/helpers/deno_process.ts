/**
 * Processes of Deno for tests: a command line, or a task as deno.json starts it, run to its end or until the test ends it.
 * @module
 */
import { fileURLToPath } from "node:url";

import project from "../../deno.json" with { type: "json" };

/** Folder of the project. */
export const PROJECT_FOLDER = fileURLToPath(new URL("../../", import.meta.url));

/** How a process is started. */
export interface DenoStart {
  /** Folder it runs in; the project's unless given. */
  cwd?: string;
  /** Variables beside `NO_COLOR` and, unless `clearEnv`, this process's own. */
  env?: Readonly<Record<string, string>>;
  /** True: it has no variables but those of `env`. */
  clearEnv?: boolean;
}

/** How a process ended, and what it said. */
export interface DenoEnd {
  code: number;
  signal: Deno.Signal | null;
  stdout: string;
  stderr: string;
  /** Standard output, then standard error. */
  all: string;
}

/** A task of deno.json. */
export type TaskName = keyof typeof project.tasks;

/** Words behind `deno` that run a task, with the permissions that deno.json gives it. */
export function taskWords(task: TaskName, ...args: readonly string[]): string[] {
  return [...project.tasks[task].command.split(" ").slice(1), ...args];
}

/** Starts `deno` with these words; its streams are read by the caller, who ends it with `killedWith()`. */
export function startDeno(words: readonly string[], start: DenoStart = {}): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    ...settingsOf(words, start),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs `deno` with these words to its end. @param input Text on its standard input; its program, with `-` among the words */
export async function runDeno(
  words: readonly string[],
  { input, ...start }: DenoStart & { input?: string } = {},
): Promise<DenoEnd> {
  const child = new Deno.Command(Deno.execPath(), {
    ...settingsOf(words, start),
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (input !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  }
  const { code, signal, ...output } = await child.output();
  const decoder = new TextDecoder();
  const stdout = decoder.decode(output.stdout), stderr = decoder.decode(output.stderr);
  return { code, signal, stdout, stderr, all: stdout + stderr };
}

function settingsOf(
  words: readonly string[],
  { cwd = PROJECT_FOLDER, env = {}, clearEnv = false }: DenoStart,
): Pick<Deno.CommandOptions, "args" | "cwd" | "env" | "clearEnv"> {
  return { args: [...words], cwd, env: { NO_COLOR: "1", ...env }, clearEnv };
}
