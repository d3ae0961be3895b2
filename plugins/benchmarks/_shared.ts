/**
 * Finds recorded data that tests use but the project can't ship.
 * @module
 */
import { fileURLToPath } from "node:url";
import { join } from "@std/path";

/**
 * Path of a file under `../shared` (or `DINOTUNE_SHARED`), and what a test says in its name when it is absent.
 *
 * @param name Relative to that folder, such as `data/cfbench/cfbench_data.json`.
 */
export function shared(name: string): { path: string; ignore: boolean; why: string } {
  const root = Deno.env.get("DINOTUNE_SHARED") ??
    join(fileURLToPath(new URL("../..", import.meta.url)), "../shared");
  const path = join(root, name);
  let ignore = false;
  try {
    Deno.statSync(path);
  } catch {
    ignore = true;
  }
  return { path, ignore, why: ignore ? ` [ignored: no ${name} in ../shared]` : "" };
}
