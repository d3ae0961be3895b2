/**
 * Finds the files that a data set or another reader of records names.
 * @module
 */
import { basename, dirname, join } from "@std/path";

import { didYouMean } from "../did_you_mean.ts";
import { statOrNull } from "../exists.ts";
import { shortened } from "../message.ts";
import { isRecordFile, RECORD_TYPES, recordType } from "./record_type.ts";

/**
 * Lists the files that paths stand for: a folder gives its files sorted by name, hidden ones left out.
 *
 * @param what Who asks, for the message, such as `data set "x" at …`.
 * @throws {RangeError} If a path is missing, a folder is empty or of `save_to_disk`, or a type is not known.
 */
export function listFiles(paths: readonly string[], what: string): string[] {
  return paths.flatMap((path) => {
    const info = statOrNull(path);
    if (!info) {
      refuseDeadLink(path, what);
      const directory = dirname(path);
      const near = statOrNull(directory)?.isDirectory
        ? didYouMean(basename(path).slice(0, 255), entries(directory))
        : "";
      throw new RangeError(
        `Cannot find the file of ${what}: current value is ${shortened(path, 400)}${
          near || ", which does not exist"
        }`,
      );
    }
    if (!info.isDirectory) return [checked(path, what)];
    refuseSavedSet(path, what);
    const files = entries(path).filter((name) => !name.startsWith(".")).map((name) => join(path, name))
      .filter((file) => !statOrNull(file)?.isDirectory);
    if (files.length === 0) {
      throw new RangeError(`Cannot find files of ${what}: current value is the empty folder ${path}`);
    }
    return files.map((file) => {
      refuseDeadLink(file, what);
      return checked(file, what);
    });
  });
}

/**
 * Folders of `datasets`' `save_to_disk` hold Arrow files, and JSON files that are about them.
 * @throws {RangeError} If the path is one, of a set or of several splits
 */
function refuseSavedSet(path: string, what: string): void {
  const splits = statOrNull(join(path, "dataset_dict.json")) !== null;
  const isSet = ["state.json", "dataset_info.json"].every((name) => statOrNull(join(path, name)) !== null);
  if (!splits && !isSet) return;
  throw new RangeError(
    `Cannot read ${path} of ${what} as it is a folder of Dataset.save_to_disk, which holds Arrow files. Save ${
      splits ? "a split" : "it"
    } as parquet: load_from_disk(${JSON.stringify(path)})${
      splits ? '["train"]' : ""
    }.to_parquet("train.parquet")`,
  );
}

/** @throws {RangeError} If the path is a link to what isn't there */
function refuseDeadLink(path: string, what: string): void {
  if (statOrNull(path) !== null || !linkExists(path)) return;
  throw new RangeError(
    `Cannot find the file of ${what}: current value is ${shortened(path, 400)}, a link to ${
      shortened(Deno.readLinkSync(path), 400)
    }, which does not exist`,
  );
}

function linkExists(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch {
    return false;
  }
}

function checked(file: string, what: string): string {
  if (isRecordFile(file)) return file;
  const type = recordType(file);
  const how = type === "arrow"
    ? "Save it as parquet (`Dataset.to_parquet`)"
    : `Known are ${RECORD_TYPES.map((t) => `.${t}`).join(", ")}, and .gz behind all but .parquet`;
  throw new RangeError(
    `Cannot read ${file} of ${what} as its type is not known: current value is ".${type}". ${how}`,
  );
}

function entries(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map((entry) => entry.name).sort();
}
