/**
 * dataset_info.json: which files a data set's name stands for and what their columns mean (LLaMA-Factory's format).
 * @module
 */
import { join, resolve } from "@std/path";

import { exists } from "../../../../formats/exists.ts";
import { HUB_ID } from "../../../../formats/hub/mod.ts";
import { shortened, shown } from "../../../../formats/message.ts";
import { nearEntry } from "../../../../formats/near_entry.ts";
import { isRecordFile } from "../../../../formats/records/record_type.ts";
import { placed } from "../../../../plugins/kinds/place.ts";
import { type DatasetEntry, readInfoEntry } from "./info_entry.ts";
import { type InfoFile, readInfoFile } from "./info_file.ts";

/** dataset_info.json of a folder, and files that are named by their path in its place. */
export interface DatasetInfo {
  /** Path of the file. */
  file: string;
  /**
   * The entry of a name.
   * @throws {RangeError} If there is none, or it can't be used; says where and what to do.
   * @throws {TypeError} If a field has the wrong type.
   */
  entry(name: string): DatasetEntry;
}

/**
 * The data sets of a folder. dataset_info.json is read when the first name is looked up that is no path of a data file. An
 * `owner/name` that it doesn't have is a set on the hub.
 *
 * @param directory `dataset_dir`.
 * @param place Where `dataset_dir` was written, for faults of dataset_info.json as a whole; "" where it wasn't.
 */
export function readDatasetInfo(directory: string, place = ""): DatasetInfo {
  const file = join(directory, "dataset_info.json");
  let read: InfoFile | undefined;
  return {
    file,
    entry(name) {
      if (isDataPath(name)) return entryOfPath(name);
      if (isHubName(name) && !exists(file)) return entryOfHub(name);
      if (isRecordFile(name) && !exists(file)) throw noSuchFile(name);
      read ??= placed(place, () => readInfoFile(directory, file));
      return isHubName(name) && !Object.hasOwn(read.sets, name)
        ? entryOfHub(name)
        : readInfoEntry(name, read);
    },
  };
}

/** True if a name in `dataset` is the path of a file or folder that is there. */
export function isDataPath(name: string): boolean {
  return (/[\\/]/.test(name) || isRecordFile(name)) && exists(name);
}

/** True if a name in `dataset` can be an id on the hub: no path, and no file that was misspelt. */
function isHubName(name: string): boolean {
  return HUB_ID.test(name) && !isRecordFile(name);
}

function noSuchFile(name: string): RangeError {
  return new RangeError(
    `Cannot find data set ${shown(name, 200)}: there is no such file${nearEntry(name)}: current value is ${
      shortened(resolve(name), 400)
    }`,
  );
}

const UNDESCRIBED = {
  formatting: null,
  ranking: null,
  numSamples: null,
  columns: null,
  tags: null,
  options: {},
  notes: [],
};

function entryOfPath(path: string): DatasetEntry {
  return { name: path, place: path, paths: [path], ...UNDESCRIBED };
}

function entryOfHub(name: string): DatasetEntry {
  const hub = { name, subset: null, split: "train", folder: null };
  return { name, place: `the hub`, paths: [], hub, ...UNDESCRIBED };
}
