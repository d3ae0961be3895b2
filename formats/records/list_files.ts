/**
 * Finds the files that a data set or another reader of records names.
 * @module
 */
import { join } from "@std/path";

import { statOrNull } from "../exists.ts";
import { shortened } from "../message.ts";
import { nearEntry } from "../near_entry.ts";
import { isRecordFile, RECORD_TYPES, recordType } from "./record_type.ts";
import { savedSetFiles } from "./saved_set.ts";

/**
 * Lists the files that paths stand for: a folder gives its files sorted by name, hidden ones left out, and a folder of
 * `save_to_disk` its Arrow files.
 *
 * @param what Who asks, for the message, such as `data set "x" at …`.
 * @throws {RangeError} If a path is missing, a folder is empty or of `save_to_disk` with several splits, or a type is not known.
 */
export function listFiles(paths: readonly string[], what: string): string[] {
  return paths.flatMap((path) => {
    const found = statOrNull(path);
    if (!found) {
      refuseDeadLink(path, what);
      throw new RangeError(
        `Cannot find the file of ${what}: current value is ${shortened(path, 400)}${
          nearEntry(path) || ", which does not exist"
        }`,
      );
    }
    if (!found.isDirectory) return [checked(path, what)];
    const files = savedSetFiles(path, what) ??
      entries(path).filter((name) => !name.startsWith(".")).map((name) => join(path, name))
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
  throw new RangeError(
    `Cannot read ${file} of ${what} as its type is not known: current value is ".${type}". Known are ${
      RECORD_TYPES.map((t) => `.${t}`).join(", ")
    }, and .gz behind all but .parquet and .arrow`,
  );
}

function entries(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map((entry) => entry.name).sort();
}
