/**
 * The cache folder that all Hugging Face libraries share:
 * `models--owner--name/{blobs/<etag>, refs/<revision>, snapshots/<commit>/<file>}`, where a snapshot's file is a link
 * to a blob.
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

/** The folders of one model in a cache. */
export class RepositoryCache {
  readonly #root: string;

  /** @param model As `owner/name`. */
  constructor(cacheDir: string, model: string) {
    this.#root = join(cacheDir, `models--${model.replaceAll("/", "--")}`);
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

  /** Folder of a snapshot downloaded earlier for a branch, tag or commit; null if there is none. */
  cached(revision: string): string | null {
    let commit = revision;
    try {
      commit = Deno.readTextFileSync(join(this.#root, "refs", revision)).trim();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return exists(join(this.snapshot(commit), "config.json")) ? this.snapshot(commit) : null;
  }

  /** Puts a blob into a snapshot under its name: a relative link, or a copy where links aren't allowed (Windows). */
  link(etag: string, commit: string, name: string): void {
    const path = join(this.snapshot(commit), name);
    const temporary = join(dirname(path), `.${basename(path)}.${Deno.pid}.tmp`);
    try {
      Deno.symlinkSync(relative(dirname(path), this.blob(etag)), temporary);
    } catch (error) {
      if (Deno.build.os !== "windows") throw error;
      Deno.copyFileSync(this.blob(etag), temporary);
    }
    Deno.renameSync(temporary, path);
  }
}
