/**
 * The cache folder that all Hugging Face libraries share:
 * `models--owner--name/{blobs/<etag>, refs/<revision>, snapshots/<commit>/<file>}`, where a snapshot's file is a link
 * to a blob; `datasets--owner--name` for data sets.
 * @module
 */
import { homedir } from "node:os";

import { basename, dirname, join, relative } from "@std/path";

import { writeFileAtomicSync } from "../atomic.ts";
import { exists } from "../exists.ts";

/** The cache folder by the environment: HF_HUB_CACHE, else HF_HOME/hub, else XDG_CACHE_HOME or ~/.cache. */
export function defaultCacheDir(): string {
  const { env } = Deno;
  const home = env.get("HF_HOME") ??
    join(env.get("XDG_CACHE_HOME") ?? join(homedir(), ".cache"), "huggingface");
  return env.get("HF_HUB_CACHE") ?? join(home, "hub");
}

/** Kind of a repository on the hub. */
export type RepositoryKind = "model" | "dataset";

/** The folders of one repository in a cache. */
export class RepositoryCache {
  readonly #root: string;

  /** @param name As `owner/name`. */
  constructor(cacheDir: string, kind: RepositoryKind, name: string) {
    this.#root = join(cacheDir, `${kind}s--${name.replaceAll("/", "--")}`);
  }

  /** Where a blob lies or will lie. `etag` is its hash. */
  blob(etag: string): string {
    return join(this.#root, "blobs", etag);
  }

  /** Folder of one commit's files. */
  snapshot(commit: string): string {
    return join(this.#root, "snapshots", commit);
  }

  /** Makes the folders for blobs and for a snapshot. */
  prepare(commit: string): void {
    Deno.mkdirSync(join(this.#root, "blobs"), { recursive: true });
    Deno.mkdirSync(this.snapshot(commit), { recursive: true });
  }

  /** Remembers which commit a branch or tag was. */
  saveReference(revision: string, commit: string): void {
    const path = join(this.#root, "refs", revision);
    Deno.mkdirSync(dirname(path), { recursive: true });
    writeFileAtomicSync(path, commit);
  }

  /** The commit that a branch or tag was when it was downloaded; what isn't known is taken for a commit. */
  commitOf(revision: string): string {
    return readIfThere(join(this.#root, "refs", revision))?.trim() ?? revision;
  }

  /** Folder of a snapshot that has `file`, downloaded earlier for a branch, tag or commit; null if there is none. */
  cached(revision: string, file = "config.json"): string | null {
    const snapshot = this.snapshot(this.commitOf(revision));
    return exists(join(snapshot, file)) ? snapshot : null;
  }

  /** Remembers which files a commit has, of which only some may be downloaded. */
  saveListing(commit: string, listing: unknown): void {
    const path = this.#listing(commit);
    Deno.mkdirSync(dirname(path), { recursive: true });
    writeFileAtomicSync(path, JSON.stringify(listing));
  }

  /** The listing that {@linkcode RepositoryCache.saveListing} wrote; null if there is none. */
  listing(commit: string): unknown {
    const text = readIfThere(this.#listing(commit));
    return text === null ? null : JSON.parse(text);
  }

  /** Beside the folders that other libraries read. */
  #listing(commit: string): string {
    return join(this.#root, "dinotune", `${commit}.json`);
  }

  /**
   * Puts a blob into a snapshot under its name: a relative link; a second name of the same file where links aren't allowed (Windows,
   * or a process that may write to some folders only); a copy where the file system knows no second names.
   */
  link(etag: string, commit: string, name: string): void {
    const path = join(this.snapshot(commit), name);
    Deno.mkdirSync(dirname(path), { recursive: true });
    // not the process number alone: it is another process's again, in a container every time
    const mark = crypto.randomUUID().slice(0, 8);
    const temporary = join(dirname(path), `.${basename(path)}.${Deno.pid}-${mark}.tmp`);
    try {
      Deno.symlinkSync(relative(dirname(path), this.blob(etag)), temporary);
    } catch (error) {
      if (Deno.build.os !== "windows" && !(error instanceof Deno.errors.NotCapable)) throw error;
      try {
        Deno.linkSync(this.blob(etag), temporary);
      } catch {
        Deno.copyFileSync(this.blob(etag), temporary);
      }
    }
    Deno.renameSync(temporary, path);
    // one name of a file put in place of another name of the same file leaves both
    if (exists(temporary)) Deno.removeSync(temporary);
  }
}

function readIfThere(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
