/**
 * Finds data and models that tests use but the project can't ship.
 * @module
 */
import { fileURLToPath } from "node:url";
import { join } from "@std/path";

/** A file or folder that may be missing, and what a test says in its name when it is. */
export interface SharedPath {
  path: string;
  /** True if it, or something that is needed beside it, is missing. */
  ignore: boolean;
  /** "" or " (ignored: …)". */
  why: string;
}

/**
 * A path under `../shared` (or `DINOTUNE_SHARED`).
 *
 * @param name Relative to that folder, such as `data/cfbench/cfbench_data.json`.
 */
export function shared(name: string): SharedPath {
  const root = Deno.env.get("DINOTUNE_SHARED") ||
    join(fileURLToPath(new URL("../..", import.meta.url)), "../shared");
  const path = join(root, name);
  try {
    Deno.statSync(path);
    return { path, ignore: false, why: "" };
  } catch {
    return { path, ignore: true, why: ` (ignored: no ${name} in ../shared)` };
  }
}

/** SmolLM2-135M-Instruct as a GGUF file, from `DINOTUNE_SMOLLM2_GGUF`; "" when it isn't set. */
export const SMOLLM2: string = Deno.env.get("DINOTUNE_SMOLLM2_GGUF") ?? "";

/** A path under `../shared` for a test that needs {@linkcode SMOLLM2} too. */
export function sharedForSmollm2(name: string): SharedPath {
  const found = shared(name);
  return SMOLLM2 ? found : { ...found, ignore: true, why: " (ignored: DINOTUNE_SMOLLM2_GGUF isn't set)" };
}
