/**
 * From what a person writes as a model (a path, or an id on the hub) to a path on this machine.
 * @module
 */
import { resolve } from "@std/path";

import { exists } from "../exists.ts";
import { PICKLED_VALUE_HEAD, VALUE_HEAD_FILE } from "../value_head/value_head.ts";
import { nearEntry } from "../near_entry.ts";
import { defaultCacheDir, RepositoryCache } from "./cache.ts";
import { type RemoteFile } from "./download.ts";
import {
  checkRevision,
  fetchFiles,
  hubName,
  HubRepository,
  isOffline,
  type ResolveOptions,
} from "./repository.ts";

/** A whole model, or an adapter of one. */
type ModelKind = "model" | "adapter";

/** In the top folder only: no weights of other programs, no copies in other formats. */
const NEEDED = /^[\w.-]+\.(json|jinja|txt|model)$/;
/** Weights, and the file that a whole snapshot has. */
const PARTS: Readonly<Record<ModelKind, { weights: RegExp; weightsName: string; config: string }>> = {
  model: {
    weights: /^model(-\d+-of-\d+)?\.safetensors$/,
    weightsName: "model.safetensors",
    config: "config.json",
  },
  adapter: {
    weights: /^adapter_model\.safetensors$/,
    weightsName: "adapter_model.safetensors",
    config: "adapter_config.json",
  },
};
const UNNEEDED = /^(pytorch_model|tf_model|flax_model)/;

/**
 * A path that exists as it is; a hub id (`owner/name`, `owner/name@revision`, which wins over `options.revision`) as the folder of its
 * snapshot, downloaded if need be: json,
 * tokenizer and template files and safetensors (of an adapter `adapter_model.safetensors`), no other weights. An interrupted download is continued; every file is
 * checked by size and hash. A reward model's value head comes with it; one that is a pickle alone too, so that who needs it is told, and no other is drawn.
 * @throws {RangeError} If there is neither such a path nor such a repository, or it isn't open to this token.
 * @throws {Error} If the hub can't be reached, or a download fails.
 */
export async function resolveModel(
  nameOrPath: string,
  options: ResolveOptions = {},
  kind: ModelKind = "model",
): Promise<string> {
  if (exists(nameOrPath)) return nameOrPath;
  const { id, revision } = onHub(nameOrPath, options, kind);
  const cache = new RepositoryCache(options.cacheDir ?? defaultCacheDir(), "model", id);
  if (isOffline(options)) {
    const cached = cache.cached(options.commit ?? revision, PARTS[kind].config);
    if (cached) return cached;
    throw notCached(nameOrPath, revision, kind);
  }
  const hub = new HubRepository("model", id, options, kind);
  try {
    const commit = options.commit ?? await hub.commit(revision);
    const files = neededFiles(await hub.files(commit), hub, kind);
    await fetchFiles({ hub, cache }, commit, files, options);
    if (revision !== commit) cache.saveReference(revision, commit);
    return cache.snapshot(commit);
  } catch (error) {
    throw hub.explain(error, revision, cache.cached(revision, PARTS[kind].config) !== null);
  }
}

/**
 * The commit that a model's id on the hub (as {@linkcode resolveModel} takes it) means now: 40 hexadecimal digits, or what was asked
 * for where only the cache may be looked into and doesn't know it by another name. null for a path that exists. Downloads nothing.
 * @throws As {@linkcode resolveModel} does
 */
export async function resolveCommit(
  nameOrPath: string,
  options: ResolveOptions = {},
): Promise<string | null> {
  if (exists(nameOrPath)) return null;
  const { id, revision } = onHub(nameOrPath, options, "model");
  if (/^[0-9a-f]{40}$/.test(revision)) return revision;
  const cache = new RepositoryCache(options.cacheDir ?? defaultCacheDir(), "model", id);
  const cached = () => cache.cached(revision, PARTS.model.config);
  if (isOffline(options)) {
    if (cached() === null) throw notCached(nameOrPath, revision, "model");
    return cache.commitOf(revision);
  }
  const hub = new HubRepository("model", id, options, "model");
  try {
    return await hub.commit(revision);
  } catch (error) {
    throw hub.explain(error, revision, cached() !== null);
  }
}

/** @throws {RangeError} If it is no id on the hub, or its revision can't be one */
function onHub(
  nameOrPath: string,
  options: ResolveOptions,
  kind: ModelKind,
): { id: string; revision: string } {
  const named = hubName(nameOrPath);
  if (named === null || nameOrPath.endsWith(".gguf")) {
    throw new RangeError(
      `Cannot find the ${kind} ${nameOrPath}: there is no file or directory ${
        resolve(nameOrPath)
      }, and it isn't an id on the hub (owner/name, or owner/name@revision)${nearEntry(nameOrPath)}`,
    );
  }
  const { id } = named, revision = named.revision ?? options.revision ?? "main";
  checkRevision(revision, id);
  return { id, revision };
}

function notCached(nameOrPath: string, revision: string, kind: ModelKind): RangeError {
  return new RangeError(
    `Cannot find the ${kind} ${nameOrPath}: it is neither a path nor, at revision ${revision}, in the cache, and HF_HUB_OFFLINE forbids to ask the hub`,
  );
}

/** Those of a model's files that are needed; its configuration at the very end, as a snapshot that has it counts as whole. */
function neededFiles(all: readonly RemoteFile[], hub: HubRepository, kind: ModelKind): RemoteFile[] {
  const { weights, weightsName, config } = PARTS[kind];
  const valueHead = [VALUE_HEAD_FILE, PICKLED_VALUE_HEAD].find((file) =>
    all.some(({ name }) => name === file)
  );
  const isNeeded = ({ name }: RemoteFile) =>
    weights.test(name) || name === valueHead || (NEEDED.test(name) && !UNNEEDED.test(name));
  const files = all.filter(isNeeded);
  if (!files.some(({ name }) => weights.test(name))) {
    const others = all.map(({ name }) => name).filter((name) =>
      /\.(bin|pt|pth|gguf|h5|msgpack|onnx|safetensors)$/.test(name)
    );
    throw new RangeError(
      `Cannot use ${hub.label}: it has no ${weightsName}` +
        (others.length ? `, only ${others.slice(0, 5).join(", ")}` : "") +
        `. Take a repository with safetensors, or download ` +
        (kind === "model" ? "a .gguf file and name its path" : "a folder with it and name its path"),
    );
  }
  const isConfig = ({ name }: RemoteFile) => Number(name === config);
  return files.toSorted((a, b) => isConfig(a) - isConfig(b));
}
