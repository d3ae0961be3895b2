/**
 * Presence of files and folders.
 * @module
 */

/**
 * True if there is a file or folder, links followed.
 * @throws {Deno.errors.PermissionDenied} If a folder on the way may not be read, so that it can't be told.
 * @throws {Deno.errors.NotCapable} If this process may not look there, as under /dev.
 */
export function exists(path: string): boolean {
  return statOrNull(path) !== null;
}

/**
 * File information of the operating system, links followed; null where there is none, as under a name that is too long or
 * holds a zero byte, which no file can have.
 * @throws {Deno.errors.PermissionDenied} If a folder on the way may not be read, so that it can't be told.
 * @throws {Deno.errors.NotCapable} If this process may not look there, as under /dev.
 */
export function statOrNull(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) throw error;
    return null;
  }
}
