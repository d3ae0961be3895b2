/**
 * Temporary folders that don't outlive their process for long: it removes its own when it ends, and of one that is killed the next
 * that makes one with the same prefix does.
 * @module
 */
import { dirname, join } from "@std/path";

import { isDirectoryLocked, LOCK_FILE, lockDirectory } from "./directory_lock.ts";
import { exists } from "./exists.ts";

/** A temporary folder of this process. */
export interface OwnTemporaryFolder {
  /** Its absolute path. */
  readonly path: string;
  /** Removes it. What another program still has open may stay. */
  release(): void;
}

/**
 * Makes a folder in the system's folder of temporary files, which goes with the process at the latest, and removes those of processes
 * that were killed.
 * @param prefix Of its name, the same for all folders of one use
 * @throws {Error} If no folder can be made
 */
export function ownTemporaryFolder(prefix: string): OwnTemporaryFolder {
  const path = Deno.makeTempDirSync({ prefix }), lock = lockDirectory(path, "keep temporary files in");
  if (lock.isHeld) sweep(dirname(path), prefix);
  const release = () => {
    removeEventListener("unload", release);
    lock[Symbol.dispose]();
    remove(path);
  };
  // of a process that ends in the midst of what it does: a second Ctrl-C
  addEventListener("unload", release);
  return { path, release };
}

function sweep(system: string, prefix: string): void {
  let names: string[];
  try {
    names = [...Deno.readDirSync(system)].map(({ name }) => name);
  } catch {
    // A system's folder that may not be listed has nothing of ours that could be found.
    return;
  }
  for (const name of names) {
    const path = join(system, name);
    if (name.startsWith(prefix) && isLeft(path)) remove(path);
  }
}

function isLeft(path: string): boolean {
  try {
    // One that isn't locked yet is being made.
    return exists(join(path, LOCK_FILE)) && isDirectoryLocked(path) === false;
  } catch {
    // It is another user's, or just went.
    return false;
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch { /* a file in it is still open, or it is gone */ }
}
