/**
 * Opens a run directory to read what is in it.
 * @module
 */
import { dirname, join } from "@std/path";

import { statOrNull } from "../../../formats/exists.ts";
import { nearEntry } from "../../../formats/near_entry.ts";
import type { Registry } from "../../../plugins/registry.ts";
import { loadPlugins } from "../../common/config/config_file.ts";
import { readEvalConfig } from "../config/config.ts";
import { ItemStore } from "./item_store.ts";
import { makeBenchmark } from "../parts.ts";
import { readEvalRunYaml } from "../config/run_yaml.ts";
import type { StoredRun } from "./stored.ts";

/**
 * Opens a run; dispose its store.
 * @throws {RangeError} If the directory holds no evaluation
 */
export async function openRun(directory: string, registry: Registry): Promise<StoredRun> {
  const provenance = readEvalRunYaml(directory);
  if (provenance === null) {
    const why = statOrNull(directory) === null
      ? `there is no such folder${nearEntry(directory)}`
      : Deno.statSync(directory).isDirectory
      ? "it has no run.yaml"
      : `it is a file; name its folder, ${dirname(directory)}`;
    throw new RangeError(`Cannot read ${directory} as the directory of an evaluation: ${why}`);
  }
  const { config, placeOf } = readEvalConfig(join(directory, "run.yaml"));
  await loadPlugins(registry, config.plugins, placeOf("plugins"));
  const part = makeBenchmark(config, registry);
  return { config, part, provenance, store: new ItemStore(directory, { readOnly: true }) };
}
