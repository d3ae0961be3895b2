/**
 * A temporary folder of a test file, removed when the file's tests are done.
 * @module
 */

/** Makes one. */
export function temporaryFolder(): string {
  const folder = Deno.makeTempDirSync();
  globalThis.addEventListener("unload", () => {
    try {
      Deno.removeSync(folder, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  });
  return folder;
}
