/**
 * One repository on a hub, of a model or of a data set: its commit, its list of files, and bringing files into the cache.
 * @module
 */
import type * as HubLibrary from "@huggingface/hub";

import { exists } from "../exists.ts";
import { shown } from "../message.ts";
import { redact } from "../secrets.ts";
import type { RepositoryCache, RepositoryKind } from "./cache.ts";
import { downloadFile, type RemoteFile, StatusError } from "./download.ts";
import { HUB_LIMITS, type HubLimits, type HubRequests, hubRequests } from "./guarded_fetch.ts";
import { DownloadStopped } from "./stop.ts";

/** Bytes that have arrived, of all files that are needed. */
export interface DownloadProgress {
  /** The file that is coming in. */
  readonly file: string;
  /** Its number, from 1. */
  readonly index: number;
  /** Number of files. */
  readonly count: number;
  /** Bytes on disk, of all files. */
  readonly received: number;
  /** Bytes of all files. */
  readonly total: number;
}

/** Where and how to look for a repository on the hub; a local path needs none. */
export interface ResolveOptions {
  /** Branch, tag or commit (default `main`). */
  readonly revision?: string;
  /** Commit that the revision was found to be before, by `resolveCommit`; default: the hub is asked. */
  readonly commit?: string;
  /** Default: HF_HUB_CACHE, HF_HOME/hub, or ~/.cache/huggingface/hub. */
  readonly cacheDir?: string;
  /** Default: HF_TOKEN of the environment; "" = none. Sent to the endpoint only, never printed. */
  readonly token?: string;
  /** Address of the hub (default: HF_ENDPOINT, else the public one). */
  readonly endpoint?: string;
  /** Only look into the cache (default: whether HF_HUB_OFFLINE is 1). */
  readonly offline?: boolean;
  /** Called as bytes arrive. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Attempts without progress before a download is given up (default 5). */
  readonly attempts?: number;
  /** Milliseconds before the second attempt, doubled for each further one (default 500). */
  readonly retryDelay?: number;
  /** Limits of what is read from the hub; those given replace the defaults. */
  readonly limits?: Partial<HubLimits>;
}

/** Address of the hub where none is given. */
const PUBLIC_HUB = "https://huggingface.co";
/** Form of an id on the hub. */
export const HUB_ID = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/;
const REVISION = /^(?!.*\.\.)[\w][\w./-]*$/;

/**
 * The parts of `owner/name` or `owner/name@revision`; null where a text is neither.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { hubName } from "./repository.ts";
 *
 * assertEquals(hubName("a/b@refs/pr/1"), { id: "a/b", revision: "refs/pr/1" });
 * assertEquals([hubName("a/b"), hubName("./a@v1")], [{ id: "a/b", revision: null }, null]);
 * ```
 */
export function hubName(text: string): { id: string; revision: string | null } | null {
  const mark = text.indexOf("@"), id = mark < 0 ? text : text.slice(0, mark);
  return HUB_ID.test(id) ? { id, revision: mark < 0 ? null : text.slice(mark + 1) } : null;
}

/** @throws {RangeError} If a text can't be a branch, tag or commit. */
export function checkRevision(revision: string, name: string): void {
  if (REVISION.test(revision)) return;
  throw new RangeError(`Cannot use ${JSON.stringify(revision)} as a revision of ${name}`);
}

/** True if only the cache may be looked into. */
export function isOffline({ offline }: ResolveOptions): boolean {
  return offline ?? Deno.env.get("HF_HUB_OFFLINE") === "1";
}

/**
 * Downloads those files of a commit that aren't in the cache, then links all of them into its snapshot, in their order.
 * @throws {Error} As {@linkcode downloadFile} does
 */
export async function fetchFiles(
  { hub, cache }: { hub: HubRepository; cache: RepositoryCache },
  commit: string,
  files: readonly RemoteFile[],
  options: ResolveOptions,
): Promise<void> {
  cache.prepare(commit);
  const total = files.reduce((sum, file) => sum + file.size, 0);
  let before = 0;
  for (const [i, file] of files.entries()) {
    if (!exists(cache.blob(file.hash))) {
      await downloadFile(cache.blob(file.hash), file, {
        fetch: hub.requests.files,
        idleTime: options.limits?.idleTime ?? HUB_LIMITS.idleTime,
        dripTime: options.limits?.fileDripTime ?? HUB_LIMITS.fileDripTime,
        attempts: options.attempts ?? 5,
        retryDelay: options.retryDelay ?? 500,
        onBytes: (bytes) =>
          options.onProgress?.({
            file: file.name,
            index: i + 1,
            count: files.length,
            received: before + bytes,
            total,
          }),
      });
    }
    before += file.size;
  }
  // links come last: a snapshot that has them is whole
  for (const file of files) cache.link(file.hash, commit, file.name);
}

/** The hub can't be reached from here: nothing is known of what was named. */
export class HubUnreachable extends Error {}

/** One repository on a hub. */
export class HubRepository {
  readonly #kind: RepositoryKind;
  readonly #name: string;
  readonly #noun: string;
  readonly #endpoint: string;
  readonly #token: string | undefined;
  /** Loaded when something is asked: a task on local files needs none. */
  #library: typeof HubLibrary | null = null;
  /** Requests to it. */
  readonly requests: HubRequests;

  /**
   * Nothing is asked yet.
   * @param noun For messages
   * @throws {RangeError} If the hub's address is none
   */
  constructor(
    kind: RepositoryKind,
    name: string,
    options: ResolveOptions,
    noun = kind === "model" ? "model" : "data set",
  ) {
    this.#kind = kind;
    this.#name = name;
    this.#noun = noun;
    this.#endpoint = (options.endpoint ?? Deno.env.get("HF_ENDPOINT") ?? PUBLIC_HUB).replace(/\/+$/, "");
    if (!/^https?:$/.test(URL.parse(this.#endpoint)?.protocol ?? "")) {
      throw new RangeError(
        `Cannot download ${this.#what} as the hub's address (HF_ENDPOINT) must begin with http:// or https://: ` +
          `current value is ${shown(redact(this.#endpoint))}`,
      );
    }
    this.#token = (options.token ?? Deno.env.get("HF_TOKEN")) || undefined;
    this.requests = hubRequests(this.#endpoint, this.#token, { ...HUB_LIMITS, ...options.limits });
  }

  /** The repository in words, with the hub's address. */
  get label(): string {
    return `${this.#what} of ${redact(this.#endpoint)}`;
  }

  async #load(): Promise<typeof HubLibrary> {
    return this.#library ??= await import("@huggingface/hub");
  }

  get #what(): string {
    return `the ${this.#noun} ${this.#name}`;
  }

  /** The commit that a branch or tag is now. @throws {Error} If the hub gives none, or another reply than its own */
  async commit(revision: string): Promise<string> {
    const { datasetInfo, modelInfo } = await this.#load();
    const asked = {
      name: this.#name,
      revision,
      hubUrl: this.#endpoint,
      additionalFields: ["sha" as const],
      fetch: this.requests.api,
    };
    const { sha }: { sha?: unknown } = await (this.#kind === "model" ? modelInfo(asked) : datasetInfo(asked));
    if (typeof sha !== "string" || !/^[0-9a-f]{40}$/.test(sha)) {
      throw new Error(`the hub names the commit ${shown(sha)}`);
    }
    return sha;
  }

  /** Files of a commit: of a model those of the top folder, of a data set all. */
  async files(commit: string): Promise<RemoteFile[]> {
    const { listFiles } = await this.#load();
    const files: RemoteFile[] = [];
    const names = new Set<string>();
    const isData = this.#kind === "dataset";
    const list = listFiles({
      repo: { type: this.#kind, name: this.#name },
      revision: commit,
      recursive: isData,
      hubUrl: this.#endpoint,
      fetch: this.requests.api,
    });
    const base = `${this.#endpoint}/${isData ? "datasets/" : ""}${this.#name}/resolve/${commit}`;
    for await (const { type, path, size, oid, lfs } of list) {
      if (type !== "file") continue;
      if (typeof path !== "string") throw new Error(`the hub names a file ${shown(path)}`);
      // names become paths below the cache
      if (path.split(/[\\/]/).some((part) => part === "" || part === "." || part === "..")) {
        throw new Error(`the hub names a file ${shown(path)}, which would lie elsewhere`);
      }
      if (names.has(path)) {
        throw new Error(`the hub's list of files doesn't end: ${shown(path)} is there twice`);
      }
      names.add(path);
      const hash = lfs?.oid ?? oid;
      const bytes: unknown = lfs?.size ?? size;
      if (!Number.isSafeInteger(bytes) || (bytes as number) < 0) {
        throw new Error(`the hub gives ${shown(bytes)} as the size of ${path}`);
      }
      if (typeof hash !== "string" || !/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(hash)) {
        throw new Error(`the hub gives no hash for ${path}`);
      }
      files.push({
        name: path,
        url: `${base}/${path.split("/").map(encodeURIComponent).join("/")}`,
        size: bytes as number,
        hash,
        algorithm: lfs ? "sha256" : "git-sha1",
      });
    }
    return files;
  }

  /** Human-readable cause and remedy. */
  explain(error: unknown, revision: string, isCached: boolean): unknown {
    if (error instanceof DownloadStopped) return error;
    const status = this.#library && error instanceof this.#library.HubApiError
      ? error.statusCode
      : error instanceof StatusError
      ? error.status
      : null;
    const what = `Cannot download ${this.#what} from ${redact(this.#endpoint)}`;
    if (status === 401 || status === 403) {
      return new RangeError(
        `${what}: it is private or gated, or doesn't exist (status ${status}). ` +
          (this.#token
            ? "The token in HF_TOKEN isn't allowed to read it: accept its terms on its page, or use another token"
            : "Accept its terms on its page and set the environment variable HF_TOKEN"),
        { cause: error },
      );
    }
    if (status === 404) {
      return new RangeError(
        `${what}: there is no such ${this.#noun} with the revision ${revision}, nor a directory ${this.#name} here. ` +
          `Check the spelling`,
        { cause: error },
      );
    }
    if (status !== null) {
      return new Error(`${what}: the server answered with status ${status}`, { cause: error });
    }
    if (error instanceof TypeError) {
      return new HubUnreachable(
        `${what}: it can't be reached (${error.message}), and there is no directory ${this.#name} here. ` +
          (isCached
            ? "An earlier download is in the cache: set HF_HUB_OFFLINE=1 to use it"
            : `Check the network, or name the path of a local ${
              this.#kind === "model" ? this.#noun : "file"
            }`),
        { cause: error },
      );
    }
    if (error instanceof RangeError || (error as Error).message.startsWith("Cannot ")) return error;
    return new Error(`${what}: ${(error as Error).message}`, { cause: error });
  }
}
