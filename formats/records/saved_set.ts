/**
 * Folders that `Dataset.save_to_disk` and `DatasetDict.save_to_disk` of Hugging Face's `datasets` wrote.
 * @module
 */
import { join } from "@std/path";

import { statOrNull } from "../exists.ts";
import { shortened } from "../message.ts";

/**
 * The Arrow files of such a folder in their order; null if it is another folder.
 * @param what Who asks, for the message
 * @throws {RangeError} If the folder holds several splits, a selection of its rows, or its state can't be read
 */
export function savedSetFiles(path: string, what: string): string[] | null {
  const has = (name: string) => statOrNull(join(path, name)) !== null;
  if (has("dataset_dict.json")) return refuseSplits(path, what);
  if (!has("state.json") || !has("dataset_info.json")) return null;
  const state = readJson(join(path, "state.json"), what);
  const names = fileNames(state._data_files);
  if (names === null) {
    throw new RangeError(
      `Cannot read ${path} of ${what} as a folder of save_to_disk: its state.json has no list of _data_files`,
    );
  }
  if (names.length === 0) {
    throw new RangeError(`Cannot read ${path} of ${what} as it is a folder of save_to_disk without rows`);
  }
  // versions before 1.4 kept shuffled and selected rows as a list of their places
  for (const key of ["_indices_files", "_indices_data_files"]) {
    if ((fileNames(state[key]) ?? []).length === 0) continue;
    throw new RangeError(
      `Cannot read ${path} of ${what} as its state.json has ${key}, a selection of rows that an old version of datasets kept apart. ` +
        `Write it anew: load_from_disk(${JSON.stringify(path)}).to_parquet("train.parquet")`,
    );
  }
  return names.map((name) => join(path, name));
}

function refuseSplits(path: string, what: string): never {
  const { splits } = readJson(join(path, "dataset_dict.json"), what);
  const names = Array.isArray(splits) ? splits.map(String) : [];
  throw new RangeError(
    `Cannot read ${path} of ${what} as one set: it is a folder of save_to_disk with the splits ${
      shortened(names.map((name) => JSON.stringify(name)).join(", "))
    }. Name the folder of one: ${join(path, names.includes("train") ? "train" : names[0] ?? "train")}`,
  );
}

function fileNames(value: unknown): string[] | null {
  if (!Array.isArray(value)) return null;
  const names = value.map((file) => (file as { filename?: unknown } | null)?.filename);
  return names.every((name) => typeof name === "string") ? names : null;
}

function readJson(path: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    throw new RangeError(`Cannot read ${path} of ${what} as JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}
