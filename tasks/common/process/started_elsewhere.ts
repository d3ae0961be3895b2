/**
 * Paths that are typed in another folder than the one that a task runs in: `deno task` changes to the folder of deno.json, and says
 * in `INIT_CWD` where it was called.
 * @module
 */
import { isAbsolute, resolve } from "@std/path";

import { exists } from "../../../formats/exists.ts";
import { shellQuote } from "./command.ts";

/** Where a task runs, and where it was called. */
export interface Started {
  /** The task's own folder. */
  here: string;
  /** The caller's; undefined where nobody says. */
  called: string | undefined;
}

/**
 * The sentence for an error about a path of the command line that isn't where the task runs, but is where it was called; null for
 * any other error.
 * @param message Names the path as it was typed
 */
export function startedElsewhere(
  message: string,
  args: readonly string[],
  { here, called }: Started = startedAt(),
): string | null {
  if (called === undefined || resolve(called) === resolve(here)) return null;
  const paths = args.flatMap((arg) => [arg, arg.slice(arg.lastIndexOf("=") + 1)])
    .filter((path) => path !== "" && !path.startsWith("-") && !isAbsolute(path) && message.includes(path));
  const meant = paths.find((path) => !isThere(resolve(here, path)) && isThere(resolve(called, path)));
  if (meant === undefined) return null;
  return `deno task runs in ${here}, so paths start there: ${
    shellQuote(resolve(called, meant))
  } is what was meant, perhaps. The installed command (README.md) starts where it is typed`;
}

/** Where this process runs and was called; "" where it may not be looked at. */
export function startedAt(): Started {
  try {
    return { here: Deno.cwd(), called: Deno.env.get("INIT_CWD") };
  } catch {
    // it may not be looked at, and only a hint is missing
    return { here: "", called: undefined };
  }
}

function isThere(path: string): boolean {
  try {
    return exists(path);
  } catch {
    return false;
  }
}
