/**
 * The folder of an export: everything is written into a hidden folder beside it, which takes its place when it is whole and
 * checked. A kill leaves what was there before, and the next start removes what was left half-written.
 * @module
 */
import { basename, dirname, join, relative } from "@std/path";

import { writeFileAtomicSync } from "../../formats/atomic.ts";
import { type DirectoryLock, LOCK_FILE, lockDirectory } from "../../formats/directory_lock.ts";
import { exists } from "../../formats/exists.ts";
import { readJsonFile } from "../../formats/hf_model/json.ts";

/** Says what an export made, and which files are its own, so that a later one may replace them. */
export const RECORD = "export.json";

/** A folder that is being exported to. */
export class ExportFolder implements Disposable {
  /** Where files are written until {@linkcode ExportFolder.publish}. */
  readonly staging: string;
  /** Whether an interrupted export was removed. */
  readonly restarted: boolean;
  #lock: DirectoryLock | null;

  /**
   * @param path Absolute
   * @param inputs Absolute paths of what is read
   * @throws {RangeError} If it holds files that no export wrote, or what is read
   * @throws {Error} If another process exports to it
   */
  constructor(readonly path: string, inputs: readonly string[]) {
    for (const input of inputs) {
      if (contains(path, input) || contains(input, path)) {
        throw new RangeError(
          `Cannot export into ${path} as ${input} is read from there: choose another export_dir`,
        );
      }
    }
    const foreign = foreignFiles(path);
    if (foreign.length > 0) {
      throw new RangeError(
        `Cannot export into ${path} as it holds ${foreign.length} files that no export wrote, such as ${
          foreign[0]
        }: ` +
          "choose another export_dir, or move them",
      );
    }
    this.staging = join(dirname(path), `.${basename(path)}.partial`);
    this.restarted = exists(this.staging);
    Deno.mkdirSync(this.staging, { recursive: true });
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
    this.#release();
    const old = `${this.staging}.old`;
    if (exists(old)) Deno.removeSync(old, { recursive: true });
    if (exists(this.path)) Deno.renameSync(this.path, old);
    Deno.renameSync(this.staging, this.path);
    if (exists(old)) Deno.removeSync(old, { recursive: true });
  }

  /** Removes what wasn't published. */
  [Symbol.dispose](): void {
    this.#release();
    if (exists(this.staging)) Deno.removeSync(this.staging, { recursive: true });
  }

  #release(): void {
    this.#lock?.[Symbol.dispose]();
    this.#lock = null;
  }
}

function contains(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === "" || !way.startsWith("..") && way !== path;
}

/** Files under a folder that its record doesn't name. */
function foreignFiles(path: string): string[] {
  if (!exists(path)) return [];
  if (!Deno.statSync(path).isDirectory) {
    throw new RangeError(`Cannot export into ${path} as it is a file: name a folder as export_dir`);
  }
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
