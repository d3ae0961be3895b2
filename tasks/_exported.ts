/**
 * Exports for tests: folders that go, and the places of goldens.
 * @module
 */
import { join } from "@std/path";

/** Folder of the checkout. */
export const checkoutRoot = new URL("../", import.meta.url).pathname;

/** Path of a golden. */
export const goldenPath = (path: string) => join(checkoutRoot, "fixtures/goldens", path);

/** Runs in a temporary folder, which is gone afterwards with all that an export left in it. */
export async function inExportFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Options of an export that says nothing. */
export const quietExport = { say: () => {} };

/** The model that comes along. */
export const BUNDLED_MODEL = join(checkoutRoot, "fixtures/constraints/model");
