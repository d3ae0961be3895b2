/**
 * Files and folders that are given where a file of settings is asked for.
 * @module
 */
import { basename, join } from "@std/path";

import { exists, statOrNull } from "../exists.ts";

const DATA = /\.(jsonl|csv|tsv|parquet|arrow|txt)(\.gz)?$|\.json\.gz$/i;
const WEIGHTS = /\.(gguf|safetensors|bin|pt|pth|onnx)$/i;

/** JSON files of one name, which no settings have. */
const NAMED: Readonly<Record<string, string>> = {
  "adapter_config.json": "it is a part of an adapter. Name that one's folder as adapter_name_or_path=FOLDER",
  "dataset_info.json": "it lists data sets. Name its folder and a set as dataset_dir=FOLDER dataset=NAME",
  "export.json": "it tells of an export. Name that one's folder as model_name_or_path=FOLDER",
};

/**
 * Tells a file of settings by its name from what a key of one, or an argument, would name.
 * @throws {RangeError} If the path is a folder, or by its name data or a part of a model; says how to name it
 */
export function refuseOtherFile(path: string): void {
  const what = otherFile(path);
  if (what !== null) throw new RangeError(`Cannot read ${path} as a YAML file of settings: ${what}`);
}

function otherFile(path: string): string | null {
  if (statOrNull(path)?.isDirectory) return folder(path);
  if (DATA.test(path)) return `it is data. Name it as dataset=${path}`;
  if (WEIGHTS.test(path)) return `it holds weights. Name it as model_name_or_path=${path}`;
  return NAMED[basename(path)] ?? null;
}

function folder(path: string): string {
  const has = (name: string) => exists(join(path, name));
  const key = has("adapter_config.json")
    ? `. Its adapter is named as adapter_name_or_path=${path}`
    : has("config.json")
    ? `. Its model is named as model_name_or_path=${path}`
    : "";
  if (has("run.yaml")) return `it is a folder of a run. Its settings are ${join(path, "run.yaml")}${key}`;
  return `it is a folder${key}`;
}
