/**
 * Permissions for the network and for other programs. Where a run needs none, the task gives the permission back
 * before it reads a model or data, so that neither a package nor a faulty parser can send anything anywhere or start anything.
 * @module
 */
import { join } from "@std/path";

import type { TrainConfig } from "./config/mod.ts";
import { isDataPath } from "./data/info/info.ts";

/** Keys of a set in dataset_info.json that name a file in this folder; any other source may be remote. */
const LOCAL_SOURCE = "file_name";
const REMOTE_SOURCES = ["hf_hub_url", "ms_hub_url", "om_hub_url", "script_url", "cloud_file_name"];

/**
 * True if a run may need the network: a model, an adapter or a set that isn't here, or plugins, of which nothing is known.
 * Where dataset_info.json can't be read the answer is yes, and reading it later says what is wrong.
 */
export function needsNetwork(
  config: Pick<
    TrainConfig,
    | "model_name_or_path"
    | "adapter_name_or_path"
    | "ref_model"
    | "ref_model_adapters"
    | "dataset"
    | "eval_dataset"
    | "dataset_dir"
    | "plugins"
  >,
): boolean {
  if (config.plugins.length > 0) return true;
  const { ref_model: reference } = config;
  const models = [config.model_name_or_path, ...reference === null ? [] : [reference]];
  if (![...models, ...config.adapter_name_or_path, ...config.ref_model_adapters].every(isHere)) return true;
  const named = [...config.dataset, ...config.eval_dataset].filter((name) => !isDataPath(name));
  if (named.length === 0) return false;
  try {
    const sets = JSON.parse(Deno.readTextFileSync(join(config.dataset_dir, "dataset_info.json")));
    return named.some((name) => isRemote(sets[name]));
  } catch {
    return true;
  }
}

function isRemote(set: unknown): boolean {
  if (typeof set !== "object" || set === null) return true;
  const entry = set as Record<string, unknown>;
  return typeof entry[LOCAL_SOURCE] !== "string" || /^[a-z0-9]+:/i.test(entry[LOCAL_SOURCE]) ||
    REMOTE_SOURCES.some((key) => entry[key] !== undefined && entry[key] !== null);
}

function isHere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Gives up the permission to use the network, for this process and every Worker that it starts from now on. */
export function dropNetwork(): void {
  Deno.permissions.revokeSync({ name: "net" });
}

/** True if a run may start other programs: its trainer runs in some, or is one of which nothing is known. */
export function startsPrograms({ trainer }: Pick<TrainConfig, "trainer">): boolean {
  return trainer !== "local";
}

/** Gives up the permission to start programs, for this process and every Worker that it starts from now on. */
export function dropPrograms(): void {
  Deno.permissions.revokeSync({ name: "run" });
}
