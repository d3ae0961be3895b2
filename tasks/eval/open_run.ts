/**
 * Opens a run directory to read what is in it.
 * @module
 */
import { join } from "@std/path";

import type { Registry } from "../../plugins/registry.ts";
import { loadPlugins } from "../common/config_file.ts";
import { readEvalConfig } from "./config.ts";
import { ItemStore } from "./item_store.ts";
import { makeBenchmark } from "./parts.ts";
import { readEvalRunYaml } from "./run_yaml.ts";
import type { StoredRun } from "./stored.ts";

/**
 * Opens a run; dispose its store.
 * @throws {RangeError} If the directory holds no evaluation
 */
export async function openRun(directory: string, registry: Registry): Promise<StoredRun> {
  const provenance = readEvalRunYaml(directory);
  if (provenance === null) {
    throw new RangeError(`Cannot read ${directory} as the directory of an evaluation: it has no run.yaml`);
  }
  const { config, placeOf } = readEvalConfig(join(directory, "run.yaml"));
  await loadPlugins(registry, config.plugins, placeOf("plugins"));
  const part = makeBenchmark(config, registry);
  return { config, part, provenance, store: new ItemStore(directory, { readOnly: true }) };
}
