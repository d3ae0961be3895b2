/**
 * Batches of records of a file that is open while they are read.
 * @module
 */
import type { RawRecord } from "./record.ts";

/**
 * Batches that `read` gives; the file is closed after them.
 *
 * @param told What is thrown for what `read` throws
 * @throws {Error} What `told` gives
 */
export async function* fileRecords(
  path: string,
  read: (handle: Deno.FsFile) => AsyncGenerator<RawRecord[]>,
  told: (error: Error) => SyntaxError,
): AsyncGenerator<RawRecord[]> {
  const handle = Deno.openSync(path);
  try {
    yield* read(handle);
  } catch (error) {
    throw told(error as Error);
  } finally {
    handle.close();
  }
}
