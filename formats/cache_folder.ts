/**
 * The folder in which Dinotune keeps what can be made again: encoded data, prepared weights, answers.
 * @module
 */
import { homedir } from "node:os";

import { join } from "@std/path";

/** DINOTUNE_CACHE, else `dinotune` in XDG_CACHE_HOME or ~/.cache. */
export function cacheFolder(): string {
  const { env } = Deno;
  return env.get("DINOTUNE_CACHE") ||
    join(env.get("XDG_CACHE_HOME") || join(homedir(), ".cache"), "dinotune");
}
