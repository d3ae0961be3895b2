/**
 * The files of a repository that are a split of a data set: by the `configs` of its card (README.md), else by the names of files
 * and folders, else by those of the hub's own conversion to parquet. The rules of Hugging Face `datasets` 4.
 * @module
 */
import { basename, dirname, posix } from "@std/path";

import { didYouMean } from "../did_you_mean.ts";
import { shown } from "../message.ts";
import { isRecordFile, recordType } from "../records/record_type.ts";
import { parseYamlValue } from "../yaml/yaml.ts";

/** Part of a data set on the hub that is wanted. */
export interface HubDataset {
  /** As `owner/name`. */
  readonly name: string;
  /** Name of a configuration; null: the default one. */
  readonly subset: string | null;
  /** Name of a split. */
  readonly split: string;
  /** Folder of the repository that has the files; null: as the card says. */
  readonly folder: string | null;
}

const KEYWORDS: Readonly<Record<string, string>> = {
  train: "train|training",
  validation: "validation|valid|dev|val",
  test: "test|testing|eval|evaluation",
};
const SEPARATOR = "[-._ 0-9]";
/** Descriptions of a set that `datasets` doesn't take for data. */
const NO_DATA =
  /^(config|dataset_info|dataset_infos|dataset_dict|state|tokenizer|tokenizer_config|package|package-lock)\.json$/;
/** No address, and few enough asterisks that looking for it ends soon. */
const PATH_PATTERN = /^(?!\w+:\/\/)(?!(?:[^*]*\*){9}).{1,500}$/;
/** Keys of a configuration that need nothing from the reader. */
const CARD_KEYS = ["config_name", "data_files", "data_dir", "default", "description", "drop_labels"];

/**
 * Names of a split's files, sorted; null if the repository has no files that can be read.
 * @param names All files of the repository
 * @param card Text of README.md, null if there is none
 * @throws {RangeError} If subset or split aren't there, or the card asks for something that isn't done
 */
export function splitFiles(
  names: readonly string[],
  card: string | null,
  wanted: HubDataset,
): string[] | null {
  const readable = names.filter((name) =>
    isRecordFile(name) && !NO_DATA.test(basename(name)) &&
    !name.split("/").some((part) => part.startsWith(".") || part.startsWith("__"))
  );
  if (readable.length === 0) return null;
  const configs = wanted.folder === null ? cardConfigs(card, wanted) : [];
  if (configs.length > 0) return ofOneType(configFiles(chosen(configs, wanted), readable, wanted), wanted);
  if (wanted.subset !== null) {
    throw new RangeError(
      `Cannot find subset ${shown(wanted.subset)} of ${wanted.name}: ` +
        (wanted.folder === null
          ? "its card names none. Leave subset out, or name the folder"
          : "a folder has none. Leave subset or folder out"),
    );
  }
  const folder = wanted.folder === null ? "" : wanted.folder.replace(/^\.?\/+|\/+$/g, "");
  const splits = splitsByName(folder === "" ? readable : inFolder(readable, folder, wanted));
  return ofOneType(ofSplit(splits, wanted), wanted);
}

/**
 * Names of a split's files in the branch to which the hub converts sets: `<subset>/<split>/0000.parquet`.
 * @throws {RangeError} If subset or split aren't there, or only a part was converted
 */
export function convertedFiles(names: readonly string[], wanted: HubDataset): string[] {
  const subsets = new Map<string, Map<string, string[]>>();
  for (const name of names) {
    const [, subset, split] = /^([^/]+)\/([^/]+)\/\d+\.parquet$/.exec(name) ?? [];
    if (subset === undefined || split === undefined) continue;
    const splits = subsets.get(subset) ?? new Map<string, string[]>();
    subsets.set(subset, splits.set(split, [...splits.get(split) ?? [], name]));
  }
  const all = [...subsets.keys()];
  const subset = wanted.subset ?? (all.length === 1 ? all[0]! : "default");
  const splits = subsets.get(subset);
  if (splits === undefined) throw unknown(wanted, { what: "subset", name: wanted.subset, known: all });
  if (!splits.has(wanted.split) && splits.has(`partial-${wanted.split}`)) {
    throw new RangeError(
      `Cannot use split ${wanted.split} of ${wanted.name}: the hub converted only a part of it to parquet. Save it with the ` +
        `library \`datasets\` as parquet and name the file`,
    );
  }
  return ofSplit(splits, wanted);
}

interface CardConfig {
  readonly name: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** `configs` of the card's front matter; only these lines are read, as the rest describes features at any length. */
function cardConfigs(card: string | null, { name }: HubDataset): CardConfig[] {
  const front = /^\ufeff?---\r?\n([\s\S]*?)\r?\n---(?:\r?\n|$)/.exec(card ?? "")?.[1] ?? "";
  const block = /(?:^|\n)(configs:[^\n]*(?:\n(?:[ \t-][^\n]*|\r?))*)/.exec(front)?.[1];
  if (block === undefined) return [];
  const read = parseYamlValue(block, `configs of the card of ${name}`) as { configs?: unknown };
  const list = Array.isArray(read.configs) ? read.configs : [];
  return list.map((fields: unknown) => {
    const config = typeof fields === "object" && fields !== null ? fields as Record<string, unknown> : {};
    return { name: String(config["config_name"] ?? "default"), fields: config };
  });
}

function chosen(configs: readonly CardConfig[], wanted: HubDataset): CardConfig {
  const found = wanted.subset !== null
    ? configs.find(({ name }) => name === wanted.subset)
    : configs.find(({ fields }) => fields["default"] === true) ??
      configs.find(({ name }) => name === "default") ?? (configs.length === 1 ? configs[0] : undefined);
  if (found === undefined) {
    throw unknown(wanted, {
      what: "subset",
      name: wanted.subset,
      known: configs.map(({ name }) => name),
    });
  }
  const other = Object.keys(found.fields).find((key) => !CARD_KEYS.includes(key));
  if (other !== undefined) {
    throw new RangeError(
      `Cannot use subset ${found.name} of ${wanted.name}: its card sets ${shown(other)} to ${
        shown(found.fields[other])
      }, which isn't applied here. Save it with the library \`datasets\` as parquet and name the file`,
    );
  }
  return found;
}

function configFiles(
  { name, fields }: CardConfig,
  readable: readonly string[],
  wanted: HubDataset,
): string[] {
  const folder = typeof fields["data_dir"] === "string"
    ? fields["data_dir"].replace(/^\.?\/+|\/+$/g, "")
    : "";
  const within = folder === "" ? readable : inFolder(readable, folder, wanted);
  const given = fields["data_files"];
  if (given === undefined || given === null) return ofSplit(splitsByName(within), wanted);
  const splits = new Map<string, string[]>();
  for (const part of Array.isArray(given) ? given : [given]) {
    const isSplit = typeof part === "object" && part !== null;
    const split = isSplit ? String((part as Record<string, unknown>)["split"] ?? "train") : "train";
    const patterns = isSplit ? (part as Record<string, unknown>)["path"] : part;
    for (const pattern of Array.isArray(patterns) ? patterns : [patterns]) {
      if (typeof pattern !== "string" || !PATH_PATTERN.test(pattern)) {
        throw new RangeError(
          `Cannot use subset ${name} of ${wanted.name}: its card names the files ${
            shown(pattern)
          }, which aren't a path in it with eight asterisks at most`,
        );
      }
      const whole = folder === "" ? pattern : `${folder}/${pattern}`;
      const files = within.filter((file) => posix.matchesGlob(file, whole));
      splits.set(split, [...new Set([...splits.get(split) ?? [], ...files.toSorted()])]);
    }
  }
  return ofSplit(splits, wanted);
}

function inFolder(names: readonly string[], folder: string, wanted: HubDataset): string[] {
  const found = names.filter((name) => name.startsWith(`${folder}/`));
  if (found.length > 0) return found;
  const folders = [...new Set(names.map((name) => dirname(name)).filter((name) => name !== "."))];
  throw unknown(wanted, { what: "folder", name: folder, known: folders });
}

/** Sharded files, else folders named like splits, else files named like splits, else all for training. */
function splitsByName(names: readonly string[]): Map<string, string[]> {
  const sharded = new Map<string, string[]>();
  for (const name of names.toSorted()) {
    const split = /(?:^|\/)data\/([^/]+)-\d{5}-of-\d{5}[^/]*\.[^/]*$/.exec(name)?.[1];
    if (split !== undefined) sharded.set(split, [...sharded.get(split) ?? [], name]);
  }
  if (sharded.size > 0) return sharded;
  const inFolders = byKeyword(names, (word) => {
    const part = new RegExp(`^(?:.*${SEPARATOR})?(?:${word})(?:${SEPARATOR}.*)?$`);
    return (name) => name.split("/").slice(0, -1).some((folder) => part.test(folder));
  });
  if (inFolders.size > 0) return inFolders;
  const inNames = byKeyword(names, (word) => {
    const part = new RegExp(`(?:^|${SEPARATOR})(?:${word})${SEPARATOR}`);
    return (name) => part.test(basename(name));
  });
  return inNames.size > 0 ? inNames : new Map([["train", names.toSorted()]]);
}

function byKeyword(
  names: readonly string[],
  matcher: (word: string) => (name: string) => boolean,
): Map<string, string[]> {
  const found = Object.entries(KEYWORDS).map(([split, word]): [string, string[]] => [
    split,
    names.filter(matcher(word)).toSorted(),
  ]);
  return new Map(found.filter(([, files]) => files.length > 0));
}

function ofSplit(splits: ReadonlyMap<string, string[]>, wanted: HubDataset): string[] {
  const files = splits.get(wanted.split) ?? [];
  if (files.length > 0) return files;
  const how = /[[+%]/.test(wanted.split)
    ? ". Parts and sums of splits aren't taken: use num_samples or max_samples, or an entry for each split"
    : "";
  const known = [...splits].filter(([, names]) => names.length > 0).map(([split]) => split);
  throw unknown(wanted, { what: "split", name: wanted.split, known, how });
}

function ofOneType(files: string[], wanted: HubDataset): string[] {
  const types = [...new Set(files.map(recordType))];
  if (types.length < 2) return files;
  throw new RangeError(
    `Cannot tell the files of ${wanted.name}: split ${wanted.split} has files of the types ${
      types.join(", ")
    }. Name the folder of those that are meant ("folder" of its entry in dataset_info.json)`,
  );
}

function unknown(
  wanted: HubDataset,
  { what, name, known, how = "" }: {
    what: string;
    name: string | null;
    known: readonly string[];
    how?: string;
  },
): RangeError {
  const list = known.length > 20
    ? `${known.slice(0, 20).join(", ")} and ${known.length - 20} more`
    : known.join(", ") || "none";
  const entry = 'in an entry of dataset_info.json {"hf_hub_url": "' + wanted.name + '", "subset": "…"}';
  return name === null
    ? new RangeError(`Cannot tell the ${what} of ${wanted.name}: there are ${list}. Name one ${entry}`)
    : new RangeError(
      `Cannot find ${what} ${shown(name)} of ${wanted.name}${
        didYouMean(name, known)
      }: there are ${list}${how}`,
    );
}
