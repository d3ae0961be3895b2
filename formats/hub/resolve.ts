/**
 * From what a person writes as a model (a path, or an id on the hub) to a path on this machine.
 * @module
 */
import { HUB_URL, HubApiError, listFiles, modelInfo } from "@huggingface/hub";

import { exists } from "../exists.ts";
import { shown } from "../message.ts";
import { redact } from "../secrets.ts";
import { defaultCacheDir, RepositoryCache } from "./cache.ts";
import { downloadFile, type RemoteFile, StatusError } from "./download.ts";
import { HUB_LIMITS, type HubLimits, type HubRequests, hubRequests } from "./guarded_fetch.ts";

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

/** Where and how to look for a model on the hub; a local path needs none. */
export interface ResolveOptions {
  /** Branch, tag or commit (default `main`). */
  readonly revision?: string;
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
  /** What the hub may make us read; those given replace the defaults. */
  readonly limits?: Partial<HubLimits>;
}

const MODEL_ID = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/;
const REVISION = /^(?!.*\.\.)[\w][\w./-]*$/;
/** In the top folder only: no weights of other programs, no copies in other formats. */
const NEEDED = /^[\w.-]+\.(json|jinja|txt|model)$|^(adapter_)?model(-\d+-of-\d+)?\.safetensors$/;
const UNNEEDED = /^(pytorch_model|tf_model|flax_model)/;

/**
 * A path that exists as it is; a hub id (`owner/name`) as the folder of its snapshot, downloaded if need be: json,
 * tokenizer and template files and safetensors, no other weights. An interrupted download is continued; every file is
 * checked by size and hash.
 * @throws {RangeError} If there is neither such a path nor such a model, or it isn't open to this token.
 * @throws {Error} If the hub can't be reached, or a download fails.
 */
export async function resolveModel(nameOrPath: string, options: ResolveOptions = {}): Promise<string> {
  if (exists(nameOrPath)) return nameOrPath;
  if (!MODEL_ID.test(nameOrPath) || nameOrPath.endsWith(".gguf")) {
    throw new RangeError(
      `Cannot find the model ${nameOrPath}: there is no such file or directory, and it isn't an id on the hub ` +
        `(owner/name)`,
    );
  }
  const revision = options.revision ?? "main";
  if (!REVISION.test(revision)) {
    throw new RangeError(`Cannot use ${JSON.stringify(revision)} as a revision of ${nameOrPath}`);
  }
  const cache = new RepositoryCache(options.cacheDir ?? defaultCacheDir(), nameOrPath);
  if (options.offline ?? Deno.env.get("HF_HUB_OFFLINE") === "1") {
    const cached = cache.cached(revision);
    if (cached) return cached;
    throw new RangeError(
      `Cannot find the model ${nameOrPath}: it is neither a path nor in the cache, and HF_HUB_OFFLINE forbids to ask the hub`,
    );
  }
  const hub = new Hub(nameOrPath, options);
  try {
    return await download(hub, cache, revision, options);
  } catch (error) {
    throw hub.explain(error, revision, cache.cached(revision) !== null);
  }
}

async function download(
  hub: Hub,
  cache: RepositoryCache,
  revision: string,
  options: ResolveOptions,
): Promise<string> {
  const commit = await hub.commit(revision);
  const files = await hub.files(commit);
  cache.prepare(commit);
  const total = files.reduce((sum, file) => sum + file.size, 0);
  let before = 0;
  for (const [i, file] of files.entries()) {
    if (!exists(cache.blob(file.hash))) {
      await downloadFile(cache.blob(file.hash), file, {
        fetch: hub.requests.files,
        idleTime: options.limits?.idleTime ?? HUB_LIMITS.idleTime,
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
  // Links come last, config.json at the very end: a snapshot that has it is whole.
  const isConfig = (file: RemoteFile) => Number(file.name === "config.json");
  for (const file of files.toSorted((a, b) => isConfig(a) - isConfig(b))) {
    cache.link(file.hash, commit, file.name);
  }
  if (revision !== commit) cache.saveReference(revision, commit);
  return cache.snapshot(commit);
}

/** One model on a hub. */
class Hub {
  readonly #model: string;
  readonly #endpoint: string;
  readonly #token: string | undefined;
  readonly requests: HubRequests;

  constructor(model: string, options: ResolveOptions) {
    this.#model = model;
    this.#endpoint = (options.endpoint ?? Deno.env.get("HF_ENDPOINT") ?? HUB_URL).replace(/\/+$/, "");
    if (!/^https?:$/.test(URL.parse(this.#endpoint)?.protocol ?? "")) {
      throw new RangeError(
        `Cannot download the model ${model} as the hub's address (HF_ENDPOINT) must begin with http:// or https://: ` +
          `current value is ${shown(redact(this.#endpoint))}`,
      );
    }
    this.#token = (options.token ?? Deno.env.get("HF_TOKEN")) || undefined;
    this.requests = hubRequests(this.#endpoint, this.#token, { ...HUB_LIMITS, ...options.limits });
  }

  async commit(revision: string): Promise<string> {
    const { sha } = await modelInfo({
      name: this.#model,
      revision,
      hubUrl: this.#endpoint,
      additionalFields: ["sha"],
      fetch: this.requests.api,
    });
    if (typeof sha !== "string" || !/^[0-9a-f]{40}$/.test(sha)) {
      throw new Error(`the hub names the commit ${shown(sha)}`);
    }
    return sha;
  }

  async files(commit: string): Promise<RemoteFile[]> {
    const files: RemoteFile[] = [];
    const others: string[] = [];
    const list = listFiles({
      repo: this.#model,
      revision: commit,
      hubUrl: this.#endpoint,
      fetch: this.requests.api,
    });
    for await (const { type, path, size, oid, lfs } of list) {
      if (type !== "file") continue;
      if (typeof path !== "string") throw new Error(`the hub names a file ${shown(path)}`);
      if (!NEEDED.test(path) || UNNEEDED.test(path)) {
        others.push(path);
        continue;
      }
      const hash = lfs?.oid ?? oid;
      const bytes: unknown = lfs?.size ?? size;
      if (!Number.isSafeInteger(bytes) || (bytes as number) < 0) {
        throw new Error(`the hub gives ${shown(bytes)} as the size of ${path}`);
      }
      if (typeof hash !== "string" || !/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(hash)) {
        throw new Error(`the hub gives no hash for ${path}`);
      }
      const url = `${this.#endpoint}/${this.#model}/resolve/${commit}/${encodeURIComponent(path)}`;
      files.push({ name: path, url, size: bytes as number, hash, algorithm: lfs ? "sha256" : "git-sha1" });
    }
    if (!files.some(({ name }) => name.endsWith(".safetensors"))) {
      const weights = others.filter((path) => /\.(bin|pt|pth|gguf|h5|msgpack|onnx|safetensors)$/.test(path));
      throw new RangeError(
        `Cannot use the model ${this.#model} of ${redact(this.#endpoint)}: it has no model.safetensors` +
          (weights.length ? `, only ${weights.slice(0, 5).join(", ")}` : "") +
          `. Take a repository with safetensors, or download a .gguf file and name its path`,
      );
    }
    return files;
  }

  /** What went wrong and what to do, in a person's words. */
  explain(error: unknown, revision: string, isCached: boolean): unknown {
    const status = error instanceof HubApiError
      ? error.statusCode
      : error instanceof StatusError
      ? error.status
      : null;
    const what = `Cannot download the model ${this.#model} from ${redact(this.#endpoint)}`;
    if (status === 401 || status === 403) {
      return new RangeError(
        `${what}: it is private or gated, or doesn't exist (status ${status}). ` +
          (this.#token
            ? "The token in HF_TOKEN isn't allowed to read it: accept the model's terms on its page, or use another token"
            : "Accept the model's terms on its page and set the environment variable HF_TOKEN"),
        { cause: error },
      );
    }
    if (status === 404) {
      return new RangeError(
        `${what}: there is no such model with the revision ${revision}, nor a directory ${this.#model} here. ` +
          `Check the spelling`,
        { cause: error },
      );
    }
    if (status !== null) {
      return new Error(`${what}: the server answered with status ${status}`, { cause: error });
    }
    if (error instanceof TypeError) {
      return new Error(
        `${what}: it can't be reached (${error.message}), and there is no directory ${this.#model} here. ` +
          (isCached
            ? "An earlier download is in the cache: set HF_HUB_OFFLINE=1 to use it"
            : "Check the network, or name the path of a local model"),
        { cause: error },
      );
    }
    if (error instanceof RangeError || (error as Error).message.startsWith("Cannot ")) return error;
    return new Error(`${what}: ${(error as Error).message}`, { cause: error });
  }
}
