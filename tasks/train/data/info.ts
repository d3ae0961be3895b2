/**
 * dataset_info.json: which files a data set's name stands for and what their columns mean (LLaMA-Factory's format).
 * @module
 */
import { isAbsolute, join, resolve } from "@std/path";

import { exists, statOrNull } from "../../../formats/exists.ts";
import { shortened, shown } from "../../../formats/message.ts";
import { parseYaml, placeText } from "../../../formats/yaml/yaml.ts";
import { didYouMean } from "../../../formats/did_you_mean.ts";
import { decodeUtf8 } from "../../../formats/utf8.ts";
import { placed } from "../../../plugins/kinds/place.ts";
import { repeatedName } from "../../../formats/repeated_names.ts";
import { HUB_ID, type HubDataset } from "../../../formats/hub/mod.ts";
import { isRecordFile } from "../../../formats/records/record_type.ts";

/** One entry of dataset_info.json, as written. */
export interface DatasetEntry {
  /** Key in dataset_info.json. */
  name: string;
  /** Where the entry stands, `file:line:column`. */
  place: string;
  /** Name of the dataset plugin; "alpaca" when the entry names none; null: seen from the first record of a file named by its path. */
  formatting: string | null;
  /** True if rows have chosen and rejected answers. */
  ranking: boolean | null;
  /** Paths of the files or folders, in order; of a set on the hub none before it is downloaded. */
  paths: string[];
  /** Of a set on the hub: what is wanted of it. */
  hub?: HubDataset;
  /** Of a set on the hub that is downloaded: the commit whose files these are. */
  commit?: string;
  /** Rows to draw, null: all. */
  numSamples: number | null;
  /** Columns and tags that the entry names; null when it has no such field. */
  columns: Record<string, string | null> | null;
  /** Names of roles and fields of messages; null when the entry has none. */
  tags: Record<string, string> | null;
  /** Options of the dataset plugin. */
  options: Record<string, unknown>;
  /** Remarks that are printed once, such as fields that do nothing. */
  notes: string[];
}

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

/** Other places than the Hugging Face hub, from which nothing is downloaded. */
const HUBS: Readonly<Record<string, string>> = {
  ms_hub_url: "ModelScope",
  om_hub_url: "Modelers",
  script_url: "a loading script",
  cloud_file_name: "cloud storage",
};
const FIELDS = [
  ...Object.keys(HUBS),
  ...[
    "hf_hub_url",
    "file_name",
    "formatting",
    "ranking",
    "subset",
    "split",
    "folder",
    "num_samples",
    "columns",
    "tags",
    "options",
  ],
];

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
      read ??= placed(place, () => readInfoFile(directory, file));
      return isHubName(name) && !Object.hasOwn(read.sets, name) ? entryOfHub(name) : readEntry(name, read);
    },
  };
}

/** dataset_info.json as it is. */
interface InfoFile {
  sets: Record<string, unknown>;
  directory: string;
  file: string;
  place: PlaceOf;
}

/** True if a name in `dataset` is the path of a file or folder that is there. */
export function isDataPath(name: string): boolean {
  return (/[\\/]/.test(name) || isRecordFile(name)) && exists(name);
}

/** True if a name in `dataset` can be an id on the hub: no path, and no file that was misspelt. */
function isHubName(name: string): boolean {
  return HUB_ID.test(name) && !isRecordFile(name);
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

/**
 * @throws {RangeError} If the folder has none.
 * @throws {SyntaxError} If it isn't JSON.
 */
function readInfoFile(directory: string, file: string): InfoFile {
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

type PlaceOf = (...path: string[]) => string;

function readEntry(name: string, { sets, directory, file, place }: InfoFile): DatasetEntry {
  if (!Object.hasOwn(sets, name)) {
    const names = Object.keys(sets);
    throw new RangeError(
      `Cannot find data set ${shown(name, 200)} in ${file}${
        didYouMean(name.slice(0, 200), names)
      }: known are ${shortList(names) || "none"}` +
        (/[\\/]|\.\w+$/.test(name) ? ", and there is no such file" : ""),
    );
  }
  const where = place(name);
  const entry = object(sets[name], `${name} at ${where}`);
  const typed = <T>(field: string, words: string, fits: (value: unknown) => boolean, absent: T): T => {
    const value = entry[field];
    if (value === undefined || value === null) return absent;
    if (!fits(value)) {
      throw new TypeError(
        `Cannot read ${field} of data set "${name}" at ${place(name, field)} as ${words}: current value is ` +
          shown(value),
      );
    }
    return value as T;
  };
  const isText = (value: unknown) => typeof value === "string";
  for (const [field, where] of Object.entries(HUBS)) {
    if ((entry[field] ?? null) !== null) {
      throw new RangeError(
        `Cannot use data set "${name}" at ${
          place(name, field)
        } as ${field} asks for a download from ${where}: current ` +
          `value is ${
            shown(entry[field])
          }. Download it into ${directory} as json, jsonl, csv or parquet and ` +
          `write "file_name": "<file or folder>" instead`,
      );
    }
  }
  const names = typed<string | string[] | null>(
    "file_name",
    "a file name or a list of them",
    (v) => isText(v) || (Array.isArray(v) && v.length > 0 && v.every(isText)),
    null,
  );
  const hubName = typed<string | null>(
    "hf_hub_url",
    "the id of a data set on the hub (owner/name)",
    (v) => isText(v) && HUB_ID.test(v as string),
    null,
  );
  if (names === null && hubName === null) {
    throw new RangeError(
      `Cannot use data set "${name}" at ${where} as it names no file: current value has ${
        shortList(Object.keys(entry)) || "nothing"
      }. Write "file_name": "<file or folder>", or "hf_hub_url": "<owner/name>"`,
    );
  }
  const notes: string[] = [];
  for (const field of Object.keys(entry)) {
    if (FIELDS.includes(field)) continue;
    notes.push(
      `${place(name, field)}: "${field}" of data set "${name}" does nothing${didYouMean(field, FIELDS)}`,
    );
  }
  const part = (field: string) => typed<string | null>(field, "a text", isText, null);
  const [subset, split, folder] = ["subset", "split", "folder"].map(part);
  // LLaMA-Factory takes the hub when an entry has both
  const hub = hubName === null ? null : {
    name: hubName,
    subset: subset || null,
    split: split || "train",
    folder: folder || null,
  };
  if (hub !== null && names !== null) {
    notes.push(
      `${place(name, "file_name")}: "file_name" of data set "${name}" does nothing beside "hf_hub_url"`,
    );
  }
  for (const field of hub === null ? ["subset", "split", "folder"] : []) {
    if ((entry[field] ?? null) === null || (field === "split" && entry[field] === "train")) continue;
    notes.push(`${place(name, field)}: "${field}" of data set "${name}" does nothing with a local file`);
  }
  return {
    name,
    place: where,
    formatting: typed("formatting", "the name of a dataset plugin", isText, "alpaca"),
    ranking: typed("ranking", "true or false", (v) => typeof v === "boolean", false),
    paths: hub === null
      ? [names ?? []].flat().map((path) => isAbsolute(path) ? path : join(directory, path))
      : [],
    ...(hub !== null && { hub }),
    numSamples: typed<number | null>("num_samples", "a whole number > 0", isCount, null),
    columns: texts(entry.columns, true, `columns of data set "${name}" at ${place(name, "columns")}`),
    tags: texts(entry.tags, false, `tags of data set "${name}" at ${place(name, "tags")}`) as
      | Record<string, string>
      | null,
    options: object(entry.options ?? {}, `options of data set "${name}" at ${place(name, "options")}`),
    notes,
  };
}

function texts(value: unknown, mayBeNull: boolean, what: string): Record<string, string | null> | null {
  if (value === undefined || value === null) return null;
  const fields = object(value, what);
  for (const [name, text] of Object.entries(fields)) {
    if (typeof text === "string" || (text === null && mayBeNull)) continue;
    throw new TypeError(`Cannot read ${name} in ${what} as text: current value is ${shown(text)}`);
  }
  return fields as Record<string, string | null>;
}

function object(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new TypeError(
    `Cannot read ${what} as an object of fields: current value is ${shown(value)}`,
  );
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
  return object(value, `${file}`);
}

function placeOf(text: string, file: string, path: string[]): string {
  try {
    return placeText(parseYaml(text, file).place(path)) || file;
  } catch {
    return file; // JSON that isn't YAML, such as with tabs: the entry is named anyway
  }
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/** Names for a message, at most twenty. */
export function shortList(names: readonly string[]): string {
  return names.length > 20
    ? `${names.slice(0, 20).join(", ")} and ${names.length - 20} more`
    : names.join(", ");
}
