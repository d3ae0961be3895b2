/**
 * Keys that hold paths, and a configuration with absolute ones: in run.yaml and in checkpoints, which may be read from
 * another folder than the one where the run was started.
 * @module
 */
import { resolve } from "@std/path";

import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";

/** Keys whose text is always a path. */
const PATHS = [
  "output_dir",
  "dataset_dir",
  "cache_dir",
  "logging_dir",
  "data_cache_dir",
  "tokenized_path",
] as const;

/**
 * The same configuration with absolute paths. A model or adapter is a path where something lies there, else a hub id; DeepSpeed's
 * file likewise, or else a name that is known.
 * `plugins` are absolute already.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { absolutePaths } from "./paths.ts";
 *
 * const config = { output_dir: "saves/a", cache_dir: null, model_name_or_path: "org/name" };
 * const expected = { ...config, output_dir: `${Deno.cwd()}/saves/a` };
 * assertEquals(absolutePaths(config), expected);
 * ```
 */
export function absolutePaths<T extends Partial<TrainConfig>>(config: T): T {
  const changed: Partial<TrainConfig> = {};
  for (const key of PATHS) {
    const path = config[key];
    if (typeof path === "string") Object.assign(changed, { [key]: resolve(path) });
  }
  for (const key of ["deepspeed", "fsdp_config"] as const) {
    const file = config[key];
    if (typeof file === "string") Object.assign(changed, { [key]: whereItLies(file) });
  }
  for (const key of ["model_name_or_path", "ref_model"] as const) {
    const model = config[key];
    if (typeof model === "string") Object.assign(changed, { [key]: whereItLies(model) });
  }
  for (const key of ["adapter_name_or_path", "ref_model_adapters"] as const) {
    const adapters = config[key];
    if (adapters !== undefined) changed[key] = adapters.map(whereItLies);
  }
  return { ...config, ...changed };
}

function whereItLies(path: string): string {
  try {
    Deno.statSync(path);
    return resolve(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return path;
    throw error;
  }
}
