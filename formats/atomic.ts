/**
 * Files that are either whole or absent: everything is written to a temporary file in the same directory, flushed to
 * the disk and renamed over the old one. A crash, a kill or a full disk leaves the old file as it was.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { writeFileAtomicSync } from "./atomic.ts";
 *
 * const directory = Deno.makeTempDirSync();
 * writeFileAtomicSync(`${directory}/a.txt`, "whole");
 * assertEquals(Deno.readTextFileSync(`${directory}/a.txt`), "whole");
 * Deno.removeSync(directory, { recursive: true });
 * ```
 * @module
 */
import { closeSync, fsyncSync, openSync } from "node:fs";

import { basename, dirname, join, resolve } from "@std/path";

import { exists } from "./exists.ts";
import { noRoom } from "./no_room.ts";

/** A file being written beside its final place; it appears there at {@linkcode AtomicFile.commit}. */
export class AtomicFile {
  readonly #path: string;
  readonly #temporary: string;
  #file: Deno.FsFile | null;

  /**
   * Opens a temporary file beside `path`, in a directory that exists.
   * @throws {Error} If the temporary file can't be made (its directory is missing or read-only, or the disk is full).
   */
  constructor(path: string) {
    this.#path = path;
    const mark = crypto.randomUUID().slice(0, 8);
    this.#temporary = join(dirname(path), `.${basename(path).slice(0, 200)}.${Deno.pid}-${mark}.tmp`);
    try {
      this.#file = Deno.openSync(this.#temporary, { write: true, createNew: true });
    } catch (error) {
      throw writeError(error, path);
    }
  }

  /** Appends bytes. After an error the temporary file is gone and the old file is as it was. */
  write(data: Uint8Array): void {
    const file = this.#opened();
    try {
      for (let written = 0; written < data.length;) written += file.writeSync(data.subarray(written));
    } catch (error) {
      this.abort();
      throw writeError(error, this.#path);
    }
  }

  /** Flushes to the disk and renames into place. */
  commit(): void {
    const file = this.#opened();
    try {
      file.syncSync();
      file.close();
      this.#file = null;
      Deno.renameSync(this.#temporary, this.#path);
    } catch (error) {
      this.abort();
      throw writeError(error, this.#path);
    }
    syncDirectory(dirname(this.#path));
  }

  /** Gives up: removes the temporary file. Does nothing after {@linkcode AtomicFile.commit}. */
  abort(): void {
    this.#file?.close();
    this.#file = null;
    try {
      Deno.removeSync(this.#temporary);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  #opened(): Deno.FsFile {
    if (this.#file === null) throw new Error(`Cannot write ${this.#path}: the file is finished already`);
    return this.#file;
  }
}

/** Names of {@linkcode AtomicFile}'s temporary files. */
const TEMPORARY = /^\..+\.\d+-[0-9a-f]{8}\.tmp$/;

/**
 * Removes temporary files that killed processes left in a directory. Only for one that no other process is writing to.
 * @returns Names of those removed
 */
export function sweepTemporaryFiles(directory: string): string[] {
  const names = [...Deno.readDirSync(directory)].filter(({ name, isFile }) => isFile && TEMPORARY.test(name))
    .map(({ name }) => name).sort();
  for (const name of names) Deno.removeSync(join(directory, name));
  return names;
}

/**
 * Writes a whole file, or leaves the old one as it was.
 * @param path In a directory that exists.
 * @throws {Error} If it can't be written; a full disk is named as such, with what to do.
 */
export async function writeFileAtomic(path: string, data: Uint8Array | string): Promise<void> {
  // Writing in turns lets the event loop breathe between chunks of a large file.
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const file = new AtomicFile(path);
  const chunk = 1 << 24;
  for (let offset = 0; offset < bytes.length; offset += chunk) {
    file.write(bytes.subarray(offset, offset + chunk));
    if (offset + chunk < bytes.length) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  file.commit();
}

/**
 * As {@linkcode writeFileAtomic}, at once.
 * @throws {Error} If it can't be written; a full disk is named as such, with what to do.
 */
export function writeFileAtomicSync(path: string, data: Uint8Array | string): void {
  const file = new AtomicFile(path);
  file.write(typeof data === "string" ? new TextEncoder().encode(data) : data);
  file.commit();
}

/** A file that couldn't be written: its message has the file, the reason and what to do. */
export class WriteError extends Error {}

/** No room for a file: what was being written is missing, and asking again won't help. */
export class NoRoomError extends WriteError {}

/**
 * Message for an error of the operating system on writing `path`: a full disk (ENOSPC), a used up quota (EDQUOT) and a limit on
 * files' sizes (EFBIG) are told apart, each with what to do; others keep their text, with the path.
 * @param another What to choose another of: the key that names the path, where there is one
 */
export function writeError(error: unknown, path: string, another = "place"): Error {
  const { code, message } = error as { code?: string; message?: string };
  const found = noRoom(code, message ?? "");
  if (found === undefined) {
    return new WriteError(`Cannot write ${path}: ${reason(message ?? String(error), path, another)}`, {
      cause: error,
    });
  }
  // its words end with the call and the path, which is named already
  const words = (message ?? String(error)).replace(/: \w+ '[^']*'$/, "");
  return new NoRoomError(
    `Cannot write ${path}: ${found.what} (${words}). What was there before is unchanged. ${found.todo}`,
    { cause: error },
  );
}

/**
 * Makes a folder and those above it; one that is there already is left as it is.
 * @param key That names it, such as `out_dir`, for the error
 * @throws {Error} If it can't be made; names the folder that may not be written to, and the key.
 */
export function makeFolder(path: string, key?: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (error) {
    throw writeError(error, path, key);
  }
}

/** True if there is such a folder, or one on the way that may not be looked into. */
function isThere(folder: string): boolean {
  try {
    return exists(folder);
  } catch {
    return true;
  }
}

/** The operating system's words, without a temporary name that nobody chose. */
function reason(message: string, path: string, another: string): string {
  const folder = dirname(path);
  if (/\(os error 2\)/.test(message) && !exists(folder)) return `there is no folder ${folder}`;
  if (/\(os error 17\): mkdir/.test(message)) {
    return exists(path)
      ? `it is a file, and a folder is needed: choose another ${another}`
      : `it is a link to what isn't there, and a folder is needed: choose another ${another}`;
  }
  if (/\(os error (13|30)\)/.test(message)) {
    let held = dirname(resolve(path));
    while (!isThere(held)) held = dirname(held);
    const why = message.includes("(os error 30)") ? "is on a read-only file system" : "may not be written to";
    return `${held} ${why}: choose another ${another}, or give permission`;
  }
  const temporary = `.${basename(path).slice(0, 200)}.`;
  return message.replaceAll(
    /[^/\\'"]+\.\d+-[0-9a-f]{8}\.tmp/g,
    (name) => name.startsWith(temporary) ? basename(path) : name,
  );
}

/** Makes the rename itself durable where the system can (not on Windows). */
function syncDirectory(path: string): void {
  if (Deno.build.os === "windows") return;
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } catch (error) {
    // Some network file systems refuse to flush a directory; the file itself is flushed.
    if (!["EINVAL", "ENOTSUP", "EPERM"].includes((error as { code?: string }).code ?? "")) throw error;
  } finally {
    closeSync(descriptor);
  }
}
