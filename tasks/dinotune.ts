/**
 * One command for all tasks, from any folder: `dinotune train FILE` is `deno task train FILE` with paths that start where it
 * is typed. Installed once from a clone:
 *
 * ```sh
 * deno install --global --name dinotune --allow-read --allow-env --allow-run tasks/dinotune.ts
 * dinotune train          # the bundled tiny default, into ./saves
 * dinotune --help
 * ```
 * Each task runs in a process of its own with the permissions that deno.json gives it; this one only reads deno.json and
 * starts it. It imports nothing of the project, so that it needs no import map.
 * @module
 */
import { dirname, isAbsolute, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** Folder of the clone. */
const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** What this reads of deno.json: its version, and each task's command and a line about it. */
interface Project {
  version: string;
  tasks: Readonly<Record<string, { command: string; description: string }>>;
}

/**
 * Arguments of `deno` that run a task from another folder.
 * @param command Of the task in deno.json: `deno run [flags] FILE`
 * @param root Where its relative paths start
 */
export function taskArguments(command: string, root: string): string[] {
  const [, verb = "run", ...rest] = command.split(" ");
  const absolute = (path: string) => isAbsolute(path) ? path : resolve(root, path);
  const words = rest.map((word) => {
    const paths = /^(--deny-(?:read|write)=)(.+)$/.exec(word);
    if (paths) return `${paths[1]}${(paths[2] ?? "").split(",").map(absolute).join(",")}`;
    return word.startsWith("-") ? word : absolute(word);
  });
  return [verb, "--config", resolve(root, "deno.json"), ...words];
}

function readProject(): Project {
  return JSON.parse(Deno.readTextFileSync(resolve(ROOT, "deno.json")));
}

/** Tasks that are programs, in the order of deno.json; the others are those of who develops this. */
function verbsOf({ tasks }: Project): Map<string, { command: string; description: string }> {
  return new Map(Object.entries(tasks).filter(([, { command }]) => command.startsWith("deno run ")));
}

function help(verbs: ReturnType<typeof verbsOf>): string {
  const width = Math.max(...[...verbs.keys()].map((verb) => verb.length)) + 2;
  return [
    "dinotune VERB [arguments]",
    "",
    ...[...verbs].map(([verb, { description }]) => `  ${verb.padEnd(width)}${description}`),
    "",
    "Examples:",
    "  dinotune train                                      the bundled tiny default, about a minute",
    "  dinotune train my.yaml learning_rate=5e-6           LLaMA-Factory's keys; arguments override the file",
    "  dinotune chat MODEL --adapter saves/run             talk to what was tuned",
    "  dinotune VERB --help                                flags and examples of one",
  ].join("\n");
}

/** The hint of the project's own code for a misspelt verb; "" where its packages aren't there yet, as a hint downloads nothing. */
async function nearVerb(verb: string, verbs: readonly string[]): Promise<string> {
  const near = resolve(ROOT, "tasks/common/cli/near_word.ts");
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--cached-only",
      "--config",
      resolve(ROOT, "deno.json"),
      near,
      verb,
      ...verbs,
    ],
    stdin: "null",
    stderr: "null",
  }).output();
  return success ? new TextDecoder().decode(stdout) : "";
}

async function main(): Promise<number> {
  const [verb, ...args] = Deno.args, project = readProject(), verbs = verbsOf(project);
  if (verb === undefined || ["--help", "-h", "help"].includes(verb)) {
    console.log(help(verbs));
    return 0;
  }
  if (verb === "--version") {
    console.log(project.version);
    return 0;
  }
  const command = verbs.get(verb)?.command;
  if (command === undefined) {
    const names = [...verbs.keys()];
    console.error(
      `error: Cannot run ${JSON.stringify(verb)}${await nearVerb(verb, names)}: verbs are ${
        names.join(", ")
      }`,
    );
    return 1;
  }
  const child = new Deno.Command(Deno.execPath(), {
    args: [...taskArguments(command, ROOT), ...args],
    // npm and deno task say so where they were called; the command says where it is.
    env: { DINOTUNE_COMMAND: "dinotune", INIT_CWD: Deno.cwd() },
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) {
    Deno.addSignalListener(signal, () => {
      try {
        child.kill(signal);
      } catch { /* it has ended meanwhile */ }
    });
  }
  return (await child.status).code;
}

if (import.meta.main) process.exit(await main());
