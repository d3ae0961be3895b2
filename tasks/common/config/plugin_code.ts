/**
 * Plugins that a configuration names are programs: whoever looks at a file from elsewhere is warned before they run.
 * @module
 */
import { isSpecifier } from "../../../plugins/kinds/plugin_module.ts";

/**
 * The line that says which code is about to run; null when none is.
 * @param paths As the configuration has them, resolved
 */
export function pluginNote(paths: readonly string[]): string | null {
  if (paths.length === 0) return null;
  const remote = paths.filter((path) => isSpecifier(path) && !path.startsWith("file:"));
  return `plugins: the code of ${
    paths.join(", ")
  } is run, with all permissions of this task (docs/security.md)` +
    (remote.length > 0 ? `; ${remote.join(", ")} comes from elsewhere` : "");
}

/** Terminal of {@linkcode confirmPlugins}; exchanged by tests. */
export interface Asking {
  /** True if a person can answer. */
  isTerminal(): boolean;
  /** True if the answer is yes. */
  confirm(question: string): boolean;
}

const terminal: Asking = {
  isTerminal: () => Deno.stdin.isTerminal(),
  confirm(question) {
    Deno.stdout.writeSync(new TextEncoder().encode(`${question} [y/N] `));
    return /^y(es)?$/i.test(readLine().trim());
  },
};

/** A line of standard input; `confirm` isn't there in a Worker. */
function readLine(): string {
  const bytes: number[] = [], byte = new Uint8Array(1);
  while (Deno.stdin.readSync(byte) === 1 && byte[0] !== 10) bytes.push(...byte);
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

/**
 * Asks before the code of plugins is run by a task that only looks at a file (`--dry-run`, preview). Where no person can
 * answer, the line of {@linkcode pluginNote} is all.
 * @throws {RangeError} If the answer is no
 */
export function confirmPlugins(paths: readonly string[], asking: Asking = terminal): void {
  const note = pluginNote(paths);
  if (note === null || !asking.isTerminal() || asking.confirm(`${note}. Run it?`)) return;
  throw new RangeError("Cannot look at this file without its plugins: nothing was run");
}
