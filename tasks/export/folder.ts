/**
 * The folder of an export: everything is written into a hidden folder beside it, which takes its place when it is whole and
 * checked. A kill leaves what was there before, and the next start removes what was left half-written.
 * @module
 */
import { basename, dirname, join, resolve } from "@std/path";

import { writeFileAtomicSync } from "../../formats/atomic.ts";
import { type DirectoryLock, LOCK_FILE, lockDirectory } from "../../formats/directory_lock.ts";
import { exists } from "../../formats/exists.ts";
import { readJsonFile } from "../../formats/hf_model/json.ts";
import { isWithin } from "../../formats/is_within.ts";
import { checkFolderPlace } from "../common/folders/folder_place.ts";

/** Says what an export made, and which files are its own, so that a later one may replace them. */
const RECORD = "export.json";

/** Places of an export on disk, absolute. */
export interface ExportPlaces {
  /** The folder itself; where `export_dir` is a link, what it leads to. */
  readonly folder: string;
  /** Where files are written until they are whole. */
  readonly staging: string;
  /** Where an earlier export is for the moment in which the new one takes its place. */
  readonly old: string;
}

/** Places beside a folder that needn't be there yet. */
export function exportPlaces(path: string): ExportPlaces {
  const folder = realPath(path), staging = join(dirname(folder), `.${basename(folder)}.partial`);
  return { folder, staging, old: `${staging}.old` };
}

/** A folder that is being exported to. */
export class ExportFolder implements Disposable {
  /** Where files are written until {@linkcode ExportFolder.publish}. */
  readonly staging: string;
  /** True if an interrupted export was removed. */
  readonly restarted: boolean;
  readonly #places: ExportPlaces;
  #lock: DirectoryLock | null;
  #published = false;

  /**
   * @param path Absolute
   * @param inputs Absolute paths of what is read
   * @throws {RangeError} If it holds files that no export wrote, or what is read, or can't be replaced
   * @throws {Error} If another process exports to it
   */
  constructor(readonly path: string, inputs: readonly string[]) {
    const { folder, staging, old } = this.#places = exportPlaces(path);
    // a kill between the two renamings of publish()
    if (!exists(folder) && exists(old)) Deno.renameSync(old, folder);
    checkExportFolder(path, inputs);
    this.staging = staging;
    this.restarted = exists(staging);
    try {
      Deno.mkdirSync(staging, { recursive: true });
    } catch (error) {
      throw new RangeError(
        `Cannot export into ${path} as ${staging} is made first: ${
          (error as Error).message
        }; choose another export_dir`,
        { cause: error },
      );
    }
    this.#lock = lockDirectory(this.staging, "export through");
    for (const { name } of [...Deno.readDirSync(this.staging)]) {
      if (name !== LOCK_FILE) Deno.removeSync(join(this.staging, name), { recursive: true });
    }
  }

  /** Writes the record, and puts the staged folder in the place of the old one. */
  publish(record: Readonly<Record<string, unknown>>): void {
    const files = filesOf(this.staging).filter((name) => name !== LOCK_FILE);
    writeFileAtomicSync(
      join(this.staging, RECORD),
      JSON.stringify({ ...record, files }, null, 2) + "\n",
    );
    const { folder, old } = this.#places;
    if (exists(old)) Deno.removeSync(old, { recursive: true });
    if (exists(folder)) Deno.renameSync(folder, old);
    // a folder with an open file in it isn't renamed on Windows
    this.#release();
    Deno.renameSync(this.staging, folder);
    // from here on a staging folder is another process's
    this.#published = true;
    if (exists(old)) Deno.removeSync(old, { recursive: true });
  }

  /** Removes what wasn't published. */
  [Symbol.dispose](): void {
    this.#release();
    if (!this.#published && exists(this.staging)) Deno.removeSync(this.staging, { recursive: true });
  }

  #release(): void {
    this.#lock?.[Symbol.dispose]();
    this.#lock = null;
  }
}

/**
 * Tells if an export may replace a folder, without touching anything.
 * @param path Absolute
 * @param inputs Absolute paths of what is read
 * @throws {RangeError} If it holds files that no export wrote, or what is read, or can't be replaced
 */
export function checkExportFolder(path: string, inputs: readonly string[]): void {
  const { folder } = exportPlaces(path);
  for (const input of inputs) {
    const real = realPath(input);
    if (isWithin(real, folder) || isWithin(folder, real)) {
      throw new RangeError(
        `Cannot export into ${path} as ${input} is read from there: choose another export_dir`,
      );
    }
  }
  checkFolderPlace(folder, "export_dir");
  checkReplaceable(path, folder);
  const foreign = foreignFiles(folder);
  if (foreign.length > 0) {
    throw new RangeError(
      `Cannot export into ${path} as it holds files that no export wrote, such as ${
        foreign[0]
      } (${foreign.length} in all): choose another export_dir, or move them`,
    );
  }
}

/** The path with links on its way followed; as far as it is there. */
function realPath(path: string): string {
  const absolute = resolve(path);
  try {
    return Deno.realPathSync(absolute);
  } catch {
    return dirname(absolute) === absolute ? absolute : join(realPath(dirname(absolute)), basename(absolute));
  }
}

/** @throws {RangeError} If another folder can't take its place by renaming */
function checkReplaceable(path: string, folder: string): void {
  if (isDanglingLink(folder)) {
    throw new RangeError(
      `Cannot export into ${path} as it is a link to a folder that isn't there: make that, or name another export_dir`,
    );
  }
  if (!exists(folder) || dirname(folder) === folder || Deno.build.os === "windows") return;
  if (Deno.statSync(folder).dev === Deno.statSync(dirname(folder)).dev) return;
  throw new RangeError(
    `Cannot export into ${path} as a disk is mounted there, and the folder is replaced as a whole: name a folder in it, such as ${
      join(path, "model")
    }`,
  );
}

function isDanglingLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch {
    return false;
  }
}

/** Files under a folder that its record doesn't name. */
function foreignFiles(path: string): string[] {
  if (!exists(path)) return [];
  const record = join(path, RECORD);
  const own = exists(record) ? readJsonFile(record).files : [];
  const known = new Set([RECORD, ...Array.isArray(own) ? own : []]);
  return filesOf(path).filter((name) => !known.has(name));
}

/** Files under a folder, relative to it, sorted. */
export function filesOf(folder: string, under = ""): string[] {
  return [...Deno.readDirSync(join(folder, under))].flatMap(({ name, isDirectory }) => {
    const path = under === "" ? name : `${under}/${name}`;
    return isDirectory ? filesOf(folder, path) : [path];
  }).sort();
}
