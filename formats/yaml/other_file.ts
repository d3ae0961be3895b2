/**
 * Files and folders that are given where a file of settings is asked for.
 * @module
 */
import { basename, join } from "@std/path";

import { exists, statOrNull } from "../exists.ts";

const DATA = /\.(jsonl|csv|tsv|parquet|arrow|txt)(\.gz)?$|\.json\.gz$/i;
const WEIGHTS = /\.(gguf|safetensors|bin|pt|pth|onnx)$/i;

/** Keys by which settings name other files; undefined: they have none. */
export interface KeysOfFiles {
  /** Of rows. */
  data?: string;
  /** Of a model's folder or file. */
  model?: string;
  /** Of an adapter's folder. */
  adapter?: string;
}

const OF_TRAINING: KeysOfFiles = {
  data: "dataset",
  model: "model_name_or_path",
  adapter: "adapter_name_or_path",
};

/**
 * Tells a file of settings by its name from what a key of one, or an argument, would name.
 * @param keys Of the settings that are wanted; those of a training unless given
 * @throws {RangeError} If the path is a folder, or by its name data or a part of a model; says how to name it
 */
export function refuseOtherFile(path: string, keys: KeysOfFiles = OF_TRAINING): void {
  const what = otherFile(path, keys);
  if (what !== null) throw new RangeError(`Cannot read ${path} as a YAML file of settings: ${what}`);
}

function otherFile(path: string, keys: KeysOfFiles): string | null {
  if (statOrNull(path)?.isDirectory) return folder(path, keys);
  if (DATA.test(path)) return `it is data${named(". Name it as", keys.data, path)}`;
  if (WEIGHTS.test(path)) return `it holds weights${named(". Name it as", keys.model, path)}`;
  return namedJson(basename(path), keys);
}

/** What a JSON file is that has a name which no settings have. */
function namedJson(name: string, { data, model, adapter }: KeysOfFiles): string | null {
  const folder = ". Name that one's folder as";
  switch (name) {
    case "adapter_config.json":
      return `it is a part of an adapter${named(folder, adapter, "FOLDER")}`;
    case "dataset_info.json":
      // only trainings have a key for its folder
      return data === OF_TRAINING.data
        ? "it lists data sets. Name its folder and a set as dataset_dir=FOLDER dataset=NAME"
        : "it lists data sets of trainings";
    case "export.json":
      return `it tells of an export${named(folder, model, "FOLDER")}`;
    default:
      return null;
  }
}

function named(as: string, key: string | undefined, path: string): string {
  return key === undefined ? "" : `${as} ${key}=${path}`;
}

function folder(path: string, { model, adapter }: KeysOfFiles): string {
  const has = (name: string) => exists(join(path, name));
  const key = has("adapter_config.json")
    ? named(". Its adapter is named as", adapter, path)
    : has("config.json")
    ? named(". Its model is named as", model, path)
    : "";
  if (has("run.yaml")) return `it is a folder of a run. Its settings are ${join(path, "run.yaml")}${key}`;
  return `it is a folder${key}`;
}
