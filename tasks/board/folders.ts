/**
 * The folders that the board was given, and the runs in them. Nothing else of the disk is shown: every path of a request is
 * followed through its links first and must end within one of them.
 * @module
 */
import { basename, isAbsolute, join, relative, resolve, sep } from "@std/path";

import { item } from "../../formats/elements.ts";
import { isWithin } from "../../formats/is_within.ts";
import { nearEntry } from "../../formats/near_entry.ts";
import { ifReadable } from "./readable.ts";
import { Refusal } from "./refusal.ts";

/** A folder of a run. */
export interface RunFolder {
  /** Names it in addresses: the number of the given folder, and the path in it. */
  id: string;
  /** Name that the page shows. */
  name: string;
  /** Where it is, without links. */
  path: string;
  /** Names of its files: no links, folders, pipes or devices. */
  entries: ReadonlySet<string>;
}

/** Folders of a run that hold no other run. */
const INNER = /^(\.|checkpoint-|superseded-checkpoint-|node_modules$|runs$)/;

/** Folders within each other, at most. */
const DEPTH = 5;

/** Folders of runs, at most: beyond that the list helps nobody. */
const MOST = 5000;

/** Folders given at the start; no other is read. */
export class Folders {
  /** As they were given, and without links. */
  readonly roots: readonly { given: string; path: string }[];
  #closed: string[] = [];

  /**
   * @param given At least one
   * @throws {RangeError} If one isn't a folder that can be read
   */
  constructor(given: readonly string[]) {
    this.roots = given.map((folder) => {
      try {
        const path = Deno.realPathSync(folder);
        if (Deno.statSync(path).isDirectory) {
          Deno.readDirSync(path);
          return { given: folder, path };
        }
      } catch (error) {
        if (error instanceof Deno.errors.PermissionDenied) {
          throw new RangeError(
            `Cannot show ${folder} as a folder that may be read is needed: current value is closed to this user. Change its permissions ` +
              "or start the board as its owner",
          );
        }
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        throw new RangeError(
          `Cannot show ${folder} as a folder is needed: current value isn't there. Train first (deno task train), or name a ` +
            `folder with runs${nearEntry(folder)}`,
        );
      }
      throw new RangeError(`Cannot show ${folder} as a folder is needed: current value is a file`);
    });
  }

  /** Every folder with one of these files, in order of names. */
  find(marks: readonly string[]): RunFolder[] {
    const found: RunFolder[] = [];
    this.#closed = [];
    for (const [i, { path, given }] of this.roots.entries()) {
      this.#walk(path, DEPTH, (folder, entries) => {
        if (found.length >= MOST || !marks.some((mark) => entries.has(mark))) return;
        const within = relative(path, folder).replaceAll(sep, "/");
        const several = this.roots.length > 1 ? `${basename(given)}/` : "";
        const name = within === "" ? basename(path) : `${several}${within}`;
        found.push({ id: `${i}:${within}`, name, path: folder, entries });
      });
    }
    return found;
  }

  /** Folders that may not be read, as the last {@linkcode Folders.find} met them: what is in them isn't shown. */
  get closed(): readonly string[] {
    return this.#closed;
  }

  #walk(folder: string, depth: number, visit: (folder: string, entries: ReadonlySet<string>) => void): void {
    const entries = ifReadable(() => [...Deno.readDirSync(folder)], () => this.#closed.push(folder));
    if (entries === null) return;
    // a pipe would keep whoever opens it waiting
    visit(folder, new Set(entries.filter(({ isFile }) => isFile).map(({ name }) => name)));
    if (depth === 0) return;
    // a link is not followed: what it names is shown where it is, if that is within a given folder
    const inner = entries.filter(({ name, isDirectory }) => isDirectory && !INNER.test(name));
    inner.sort((a, b) => a.name < b.name ? -1 : 1);
    for (const { name } of inner) this.#walk(join(folder, name), depth - 1, visit);
  }

  /**
   * The folder of an id.
   * @throws {Refusal} 404 if it isn't within a given folder, or not there
   */
  folder(id: string): string {
    const [, root, within] = /^(\d{1,4}):([^\0]*)$/.exec(id) ?? [];
    const base = this.roots[Number(root ?? -1)]?.path;
    if (base === undefined || within === undefined || isAbsolute(within)) throw noRun(id);
    return this.#within(base, resolve(base, within), () => noRun(id));
  }

  /**
   * A file of a run's folder.
   * @param name A path in it
   * @throws {Refusal} 404 if it isn't within the folder, or not there
   */
  file(id: string, name: string): string {
    const folder = this.folder(id), refusal = () => new Refusal(404, `There is no ${name} in this run`);
    const path = this.#within(folder, resolve(folder, name), refusal);
    if (ifReadable(() => Deno.statSync(path).isFile)) return path;
    throw refusal();
  }

  /** Id of a folder that may not be there yet; null where it wouldn't lie within a given folder. */
  idOf(path: string): string | null {
    const missing: string[] = [];
    for (let there = resolve(path);; there = resolve(there, "..")) {
      try {
        const whole = join(Deno.realPathSync(there), ...missing);
        const root = this.roots.findIndex((root) => isWithin(whole, root.path));
        return root < 0
          ? null
          : `${root}:${relative(item(this.roots, root).path, whole).replaceAll(sep, "/")}`;
      } catch (error) {
        // a link to what isn't there could lead anywhere once it is
        if (!(error instanceof Deno.errors.NotFound) || isThere(there)) return null;
      }
      missing.unshift(basename(there));
    }
  }

  #within(base: string, path: string, refusal: () => Refusal): string {
    let real: string;
    try {
      real = Deno.realPathSync(path);
    } catch {
      throw refusal();
    }
    if (!isWithin(real, base)) throw refusal();
    return real;
  }
}

function noRun(id: string): Refusal {
  return new Refusal(404, `There is no run ${JSON.stringify(id.slice(0, 200))} in the folders of this board`);
}

/** True if a name is there, what it links to or not. */
export function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
