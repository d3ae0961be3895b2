/**
 * Commands to type next, as a run prints them: they work in any folder, and pasted as they are.
 * @module
 */
import { dirname, join } from "@std/path";
import { fileURLToPath } from "node:url";

import { exists } from "../../../formats/exists.ts";

/** This project's deno.json; undefined where it runs from an address. */
function projectFile(): string | undefined {
  const url = new URL("../../../deno.json", import.meta.url);
  return url.protocol === "file:" ? fileURLToPath(url) : undefined;
}

/**
 * A task of this project with arguments, quoted for the shell.
 * @example
 * ```ts
 * import { assert } from "@std/assert";
 * import { taskCommand } from "./command.ts";
 *
 * assert(taskCommand("train", ["/a b/run.yaml", "seed=1"]).endsWith(" train '/a b/run.yaml' seed=1"));
 * ```
 */
export function taskCommand(task: string, args: readonly string[] = []): string {
  const project = projectFile(), installed = installedCommand();
  const start = installed === undefined
    ? [...denoCommand(), "task", ...project === undefined ? [] : ["--config", project]]
    : [installed];
  return [...start, task, ...args].map((word) => shellQuote(word)).join(" ");
}

/**
 * As {@linkcode taskCommand}, of arguments and files whose paths start at the working folder: the installed command is typed there.
 * Those of `deno task` start at this project wherever it is typed.
 */
export function taskCommandFromHere(task: string, args: readonly string[]): string {
  const command = taskCommand(task, args);
  return installedCommand() === undefined ? command : `cd ${shellQuote(Deno.cwd())} && ${command}`;
}

/**
 * Deno as it can be typed: `npx -y deno@VERSION` where npx started this task and nothing else on the path is called deno. npx
 * puts its own copy on the path of what it starts, and of nothing that comes after.
 */
export function denoCommand(
  variable: (name: string) => string | undefined = (name) => Deno.env.get(name),
  isThere: (path: string) => boolean = canBeSeen,
): string[] {
  if (variable("npm_lifecycle_event") !== "npx") return ["deno"];
  const [separator, file] = Deno.build.os === "windows" ? [";", "deno.exe"] : [":", "deno"];
  const folders = (variable("PATH") ?? "").split(separator).filter((folder) =>
    folder !== "" && !/node_modules[\\/]/.test(folder)
  );
  return folders.some((folder) => isThere(join(folder, file)))
    ? ["deno"]
    : ["npx", "-y", `deno@${Deno.version.deno}`];
}

/** A folder that may not be looked into holds no program that could be started. */
function canBeSeen(path: string): boolean {
  try {
    return exists(path);
  } catch {
    return false;
  }
}

/** The name of the installed command that this task was started by; undefined where it is `deno task`. */
export function installedCommand(): string | undefined {
  try {
    return Deno.env.get("DINOTUNE_COMMAND") || undefined;
  } catch {
    // it may not be looked at, and every message asks for it
    return undefined;
  }
}

/**
 * A human-readable text in which tasks have the name by which they were started: `dinotune train` for `deno task train`, and files
 * of this project's `examples` behind it their whole path, as it is typed in other folders.
 */
export function withCommandName(text: string): string {
  const installed = installedCommand(), project = projectFile();
  if (installed === undefined) return text;
  const examples = project === undefined ? "examples/" : join(dirname(project), "examples/");
  return text.replace(
    /\bdeno task (?=[a-z]).*/g,
    (rest) =>
      rest.replace(/\bdeno task (?=[a-z])/g, `${installed} `).replace(/(?<=[ =])examples\//g, examples),
  );
}

/**
 * A word as a shell reads it back: POSIX shells, or cmd and PowerShell on Windows.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { shellQuote } from "./command.ts";
 *
 * assertEquals(["saves/a", "it's", "a b", ""].map((word) => shellQuote(word, "linux")), ["saves/a", `'it'\\''s'`, "'a b'", "''"]);
 * ```
 */
export function shellQuote(word: string, os: typeof Deno.build.os = Deno.build.os): string {
  if (/^[\w@%+=:,./\\-]+$/.test(word) && (os === "windows" || !word.includes("\\"))) return word;
  return os === "windows" ? `"${word}"` : `'${word.replaceAll("'", "'\\''")}'`;
}
