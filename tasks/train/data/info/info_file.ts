/**
 * Reads dataset_info.json itself: its text, its sets, and the places of what stands in it.
 * @module
 */
import { resolve } from "@std/path";

import { statOrNull } from "../../../../formats/exists.ts";
import { shortened, shown } from "../../../../formats/message.ts";
import { repeatedName } from "../../../../formats/repeated_names.ts";
import { decodeUtf8 } from "../../../../formats/utf8.ts";
import { parseYaml, placeText } from "../../../../formats/yaml/yaml.ts";

/** dataset_info.json as it is. */
export interface InfoFile {
  /** By name, as written. */
  sets: Record<string, unknown>;
  /** Folder that relative paths start from. */
  directory: string;
  /** Path of the file. */
  file: string;
  /** `file:line:column` of a name or field. */
  place(...path: string[]): string;
}

/**
 * @throws {RangeError} If the folder has none.
 * @throws {SyntaxError} If it isn't JSON.
 */
export function readInfoFile(directory: string, file: string): InfoFile {
  let text: string;
  if (statOrNull(file)?.isFile) text = decodeUtf8(Deno.readFileSync(file), file, "JSON");
  else {
    throw new RangeError(
      `Cannot find data sets as dataset_dir needs a folder with dataset_info.json: current value is ${
        shortened(resolve(directory))
      }. ` +
        `Write ${
          shortened(file)
        } with {"my_set": {"file_name": "my_set.json"}}, set dataset_dir, or name a data file by its path ` +
        `(dataset: folder/my_set.jsonl) or a set on the hub (dataset: owner/name)`,
    );
  }
  const sets = parseObject(text, file);
  return { sets, directory, file, place: (...path: string[]) => placeOf(text, file, path) };
}

function parseObject(text: string, file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (error) {
    // the YAML reader names line and column; JSON that it lets pass is named by JSON.parse
    parseYaml(text, file);
    throw new SyntaxError(`Cannot read ${file} as JSON: ${(error as Error).message}`);
  }
  const repeated = repeatedName(text, value);
  if (repeated !== undefined) {
    const before = text.slice(0, repeated.index);
    const [line, column] = [before.split("\n").length, before.length - before.lastIndexOf("\n")];
    throw new SyntaxError(
      `Cannot read ${file}:${line}:${column} as JSON: the name ${
        shown(repeated.name)
      } comes twice in one object, and only one of its values could be read`,
    );
  }
  return infoObject(value, file);
}

function placeOf(text: string, file: string, path: string[]): string {
  try {
    return placeText(parseYaml(text, file).place(path)) || file;
  } catch {
    return file; // JSON that isn't YAML, such as with tabs: the entry is named anyway
  }
}

/** An object of fields. @throws {TypeError} If it is anything else */
export function infoObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new TypeError(
    `Cannot read ${what} as an object of fields: current value is ${shown(value)}`,
  );
}
