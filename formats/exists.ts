/**
 * Whether something is there.
 * @module
 */

/**
 * Whether there is a file or folder, links followed.
 * @throws {Deno.errors.PermissionDenied} If a folder on the way may not be read, so that it can't be told.
 */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    // also a name that is too long or holds a zero byte, which no file can have
    if (error instanceof Deno.errors.PermissionDenied) throw error;
    return false;
  }
}
