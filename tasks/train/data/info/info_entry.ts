/**
 * Reads one entry of dataset_info.json.
 * @module
 */
import { isAbsolute, join } from "@std/path";

import { didYouMean } from "../../../../formats/did_you_mean.ts";
import { shown } from "../../../../formats/message.ts";
import { nearEntry } from "../../../../formats/near_entry.ts";
import { HUB_ID, type HubDataset } from "../../../../formats/hub/mod.ts";
import { type InfoFile, infoObject } from "./info_file.ts";
import { shortList } from "./short_list.ts";

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

/** Other places than the Hugging Face hub, from which nothing is downloaded. */
const HUBS: Readonly<Record<string, string>> = {
  ms_hub_url: "ModelScope",
  om_hub_url: "Modelers",
  script_url: "a loading script",
  cloud_file_name: "cloud storage",
};
const HUB_PARTS = ["subset", "split", "folder"] as const;
const FIELDS: readonly string[] = [
  ...Object.keys(HUBS),
  "hf_hub_url",
  "file_name",
  "formatting",
  "ranking",
  ...HUB_PARTS,
  "num_samples",
  "columns",
  "tags",
  "options",
];

/** Fields of an entry as they are written, with their places. */
class EntryFields {
  constructor(
    readonly name: string,
    readonly fields: Record<string, unknown>,
    readonly place: InfoFile["place"],
  ) {}

  /** `file:line:column` of a field. */
  placeOf(field: string): string {
    return this.place(this.name, field);
  }

  /** True if a field is there and isn't null. */
  has(field: string): boolean {
    return (this.fields[field] ?? null) !== null;
  }

  /** A field that fits, or `absent`. @throws {TypeError} If it doesn't fit; `words` say what would */
  typed<T>(field: string, words: string, fits: (value: unknown) => boolean, absent: T): T {
    const value = this.fields[field];
    if (value === undefined || value === null) return absent;
    if (!fits(value)) {
      throw new TypeError(
        `Cannot read ${field} of data set "${this.name}" at ${
          this.placeOf(field)
        } as ${words}: current value is ` +
          shown(value),
      );
    }
    return value as T;
  }
}

/**
 * The entry of a name.
 * @throws {RangeError} If there is none, or it can't be used
 * @throws {TypeError} If a field has the wrong type
 */
export function readInfoEntry(name: string, { sets, directory, file, place }: InfoFile): DatasetEntry {
  if (!Object.hasOwn(sets, name)) throw unknownSet(name, Object.keys(sets), file);
  const where = place(name);
  const entry = new EntryFields(name, infoObject(sets[name], `${name} at ${where}`), place);
  refuseOtherHubs(entry, directory);
  const names = entry.typed<string | string[] | null>(
    "file_name",
    "a file name or a list of them",
    (v) => isText(v) || (Array.isArray(v) && v.length > 0 && v.every(isText)),
    null,
  );
  const hub = hubOf(entry, names === null);
  return {
    name,
    place: where,
    formatting: entry.typed("formatting", "the name of a dataset plugin", isText, "alpaca"),
    ranking: entry.typed("ranking", "true or false", (v) => typeof v === "boolean", false),
    // LLaMA-Factory takes the hub when an entry has both
    paths: hub === null
      ? [names ?? []].flat().map((path) => isAbsolute(path) ? path : join(directory, path))
      : [],
    ...(hub !== null && { hub }),
    numSamples: entry.typed<number | null>("num_samples", "a whole number > 0", isCount, null),
    columns: texts(entry, "columns", true),
    tags: texts(entry, "tags", false) as Record<string, string> | null,
    options: infoObject(
      entry.fields.options ?? {},
      `options of data set "${name}" at ${entry.placeOf("options")}`,
    ),
    notes: idleFields(entry, hub !== null),
  };
}

function unknownSet(name: string, names: string[], file: string): RangeError {
  return new RangeError(
    `Cannot find data set ${shown(name, 200)} in ${file}${didYouMean(name.slice(0, 200), names)}: known are ${
      shortList(names) || "none"
    }` +
      (/[\\/]|\.\w+$/.test(name) ? `, and there is no such file${nearEntry(name)}` : ""),
  );
}

function refuseOtherHubs(entry: EntryFields, directory: string): void {
  for (const [field, where] of Object.entries(HUBS)) {
    if (!entry.has(field)) continue;
    throw new RangeError(
      `Cannot use data set "${entry.name}" at ${
        entry.placeOf(field)
      } as ${field} asks for a download from ${where}: current ` +
        `value is ${
          shown(entry.fields[field])
        }. Download it into ${directory} as json, jsonl, csv or parquet and ` +
        `write "file_name": "<file or folder>" instead`,
    );
  }
}

/** The set on the hub that an entry names. @throws {RangeError} If it is `needed`, as no file is named, and there is none */
function hubOf(entry: EntryFields, needed: boolean): HubDataset | null {
  const name = entry.typed<string | null>(
    "hf_hub_url",
    "the id of a data set on the hub (owner/name)",
    (v) => isText(v) && HUB_ID.test(v as string),
    null,
  );
  if (name === null && needed) {
    throw new RangeError(
      `Cannot use data set "${entry.name}" at ${
        entry.place(entry.name)
      } as it names no file: current value has ${
        shortList(Object.keys(entry.fields)) || "nothing"
      }. Write "file_name": "<file or folder>", or "hf_hub_url": "<owner/name>"`,
    );
  }
  const [subset, split, folder] = HUB_PARTS.map((field) =>
    entry.typed<string | null>(field, "a text", isText, null)
  );
  if (name === null) return null;
  return { name, subset: subset || null, split: split || "train", folder: folder || null };
}

/** Remarks on fields that do nothing. */
function idleFields(entry: EntryFields, isOnHub: boolean): string[] {
  const said = (field: string, rest: string) =>
    `${entry.placeOf(field)}: "${field}" of data set "${entry.name}" does nothing${rest}`;
  const notes = Object.keys(entry.fields).filter((field) => !FIELDS.includes(field))
    .map((field) => said(field, didYouMean(field, FIELDS)));
  if (isOnHub) {
    if (entry.has("file_name")) notes.push(said("file_name", ` beside "hf_hub_url"`));
    return notes;
  }
  const idle = HUB_PARTS.filter((field) =>
    entry.has(field) && !(field === "split" && entry.fields[field] === "train")
  );
  return [...notes, ...idle.map((field) => said(field, " with a local file"))];
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function texts(entry: EntryFields, field: string, mayBeNull: boolean): Record<string, string | null> | null {
  if (!entry.has(field)) return null;
  const what = `${field} of data set "${entry.name}" at ${entry.placeOf(field)}`;
  const fields = infoObject(entry.fields[field], what);
  for (const [name, text] of Object.entries(fields)) {
    if (typeof text === "string" || (text === null && mayBeNull)) continue;
    throw new TypeError(`Cannot read ${name} in ${what} as text: current value is ${shown(text)}`);
  }
  return fields as Record<string, string | null>;
}
