/**
 * One owner of a folder at a time: a file in it is locked by the operating system, so that the lock of a process that was
 * killed is gone with it. The file says who holds it.
 *
 * @example
 * ```ts
 * import { assert, assertThrows } from "@std/assert";
 * import { isDirectoryLocked, lockDirectory } from "./directory_lock.ts";
 *
 * const directory = Deno.makeTempDirSync();
 * {
 *   using _lock = lockDirectory(directory, "write to");
 *   assertThrows(() => lockDirectory(directory, "write to"), Error, `process ${Deno.pid}`);
 *   assert(isDirectoryLocked(directory));
 * }
 * assert(!isDirectoryLocked(directory));
 * lockDirectory(directory, "write to")[Symbol.dispose]();
 * Deno.removeSync(directory, { recursive: true });
 * ```
 * @module
 */
import { join } from "@std/path";

import { WriteError, writeError } from "./atomic.ts";

/** Name of the locked file in a folder. It is removed when the lock is given back. */
export const LOCK_FILE = ".dinotune.lock";

/** Tells this process from another of the same number: numbers are used again, and containers count for themselves. */
const MARK = crypto.randomUUID();

/** A folder's lock, held until disposed or until the process ends. */
export interface DirectoryLock extends Disposable {
  /** True if the file system knows locks; on one that doesn't, nothing keeps a second process away. */
  readonly isHeld: boolean;
}

/**
 * Locks a folder for this process.
 * @param directory There already
 * @param action For the message, as in "Cannot <action> DIRECTORY"
 * @throws {Error} If another process, or another part of this one, holds it: names the process and when it started
 */
export function lockDirectory(directory: string, action: string): DirectoryLock {
  const path = join(directory, LOCK_FILE);
  for (;;) {
    const file = open(path);
    let isHeld = true;
    try {
      if (!file.tryLockSync(true)) throw new WriteError(`Cannot ${action} ${directory} as ${owner(path)}`);
    } catch (error) {
      if (!isUnsupported(error)) {
        file.close();
        throw error;
      }
      isHeld = false;
    }
    // Its last owner may have removed the file between our opening and locking it: such a lock keeps nobody away.
    if (isHeld && !isSameFile(file, path)) {
      file.close();
      continue;
    }
    try {
      file.truncateSync();
      file.writeSync(
        new TextEncoder().encode(
          JSON.stringify({ pid: Deno.pid, host: hostName(), started: new Date().toISOString(), mark: MARK }),
        ),
      );
    } catch (error) {
      if (isHeld) Deno.removeSync(path);
      file.close();
      throw writeError(error, path);
    }
    return {
      isHeld,
      [Symbol.dispose]() {
        // Removed before it is unlocked, so that whoever opens the name next makes a new file.
        if (isSameFile(file, path)) Deno.removeSync(path);
        file.close();
      },
    };
  }
}

/**
 * True if a process holds a folder's lock. Without the file nobody does; a killed process leaves the file, but not its lock.
 * @returns null where the file system knows no locks
 * @throws {Error} If the lock file is there and can't be opened
 */
export function isDirectoryLocked(directory: string): boolean | null {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(join(directory, LOCK_FILE));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  try {
    const isFree = file.tryLockSync(false);
    if (isFree) file.unlockSync();
    return !isFree;
  } catch (error) {
    if (isUnsupported(error)) return null;
    throw error;
  } finally {
    file.close();
  }
}

/** Name of this machine or container; undefined where it may not be asked. */
function hostName(): string | undefined {
  try {
    return Deno.hostname();
  } catch {
    return undefined;
  }
}

function open(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { read: true, write: true, create: true });
  } catch (error) {
    throw writeError(error, path);
  }
}

function isSameFile(file: Deno.FsFile, path: string): boolean {
  try {
    const [ours, there] = [file.statSync(), Deno.statSync(path)];
    return ours.ino === there.ino && ours.dev === there.dev;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Says who holds a lock, from what that process wrote into the file. */
function owner(path: string): string {
  try {
    const { pid, host, started, mark } = JSON.parse(Deno.readTextFileSync(path));
    if (typeof pid === "number" && typeof started === "string") {
      // a container has its own name, and numbers of its own
      const elsewhere = typeof host === "string" && host !== hostName()
        ? ` of the machine or container ${host}`
        : "";
      const self = mark === MARK ? " (this one)" : elsewhere;
      return `process ${pid}${self} has been using it since ${started}: wait for its end, or choose another folder`;
    }
  } catch { /* just being written: nothing to say of it yet */ }
  return "another process is using it: wait for its end, or choose another folder";
}

/** Some network file systems know no locks (ENOTSUP, ENOLCK, ENOSYS). */
function isUnsupported(error: unknown): boolean {
  return error instanceof Deno.errors.NotSupported ||
    ["ENOTSUP", "EOPNOTSUPP", "ENOLCK", "ENOSYS"].includes((error as { code?: string }).code ?? "");
}
