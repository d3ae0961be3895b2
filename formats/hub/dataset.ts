/**
 * Data sets of the hub: a split's files, downloaded into the shared cache.
 * @module
 */
import { join } from "@std/path";

import { exists } from "../exists.ts";
import { defaultCacheDir, RepositoryCache } from "./cache.ts";
import { convertedFiles, type HubDataset, splitFiles } from "./dataset_files.ts";
import type { RemoteFile } from "./download.ts";
import { checkRevision, fetchFiles, HubRepository, isOffline, type ResolveOptions } from "./repository.ts";

export type { HubDataset } from "./dataset_files.ts";

/** A split on this machine. */
export interface DownloadedDataset {
  /** Commit whose files these are. */
  readonly commit: string;
  /** Branch of that commit: the one asked for, or the hub's conversion to parquet. */
  readonly revision: string;
  /** Paths of the files in the cache, in the order in which they are read. */
  readonly paths: readonly string[];
  /** Their names in the repository. */
  readonly names: readonly string[];
  /** Bytes of all of them. */
  readonly bytes: number;
}

/** The branch in which the hub keeps sets of any kind as parquet. */
const CONVERTED = "refs/convert/parquet";
/** Descriptions above are no descriptions. */
const MAX_CARD_BYTES = 1 << 24;

/**
 * Downloads the files of a split: json, jsonl, csv, parquet and txt files of the repository, else those of the hub's own
 * conversion to parquet. Addresses, sizes, hashes and the token are guarded as for models.
 * @throws {RangeError} If there is no such set, subset or split, or it isn't open to this token
 * @throws {Error} If the hub can't be reached, or a download fails
 */
export async function resolveDataset(
  wanted: HubDataset,
  options: ResolveOptions = {},
): Promise<DownloadedDataset> {
  const revision = options.revision ?? "main";
  checkRevision(revision, wanted.name);
  const cache = new RepositoryCache(options.cacheDir ?? defaultCacheDir(), "dataset", wanted.name);
  if (isOffline(options)) return await resolve(wanted, revision, cachedSource(cache, wanted));
  const hub = new HubRepository("dataset", wanted.name, options);
  try {
    return await resolve(wanted, revision, hubSource(hub, cache, options));
  } catch (error) {
    throw hub.explain(error, revision, cache.listing(cache.commitOf(revision)) !== null);
  }
}

/** Where commits, lists and files come from: the hub or the cache. */
interface Source {
  list(revision: string): Promise<{ commit: string; files: RemoteFile[] }>;
  /** Makes the files be in the snapshot; gives their paths. */
  fetch(commit: string, files: readonly RemoteFile[]): Promise<string[]>;
}

async function resolve(
  wanted: HubDataset,
  revision: string,
  source: Source,
): Promise<DownloadedDataset> {
  const { commit, files } = await source.list(revision);
  const names = splitFiles(files.map(({ name }) => name), await readCard(commit, files, source), wanted);
  if (names !== null) return await downloaded(source, { revision, commit, files }, names);
  let converted: Awaited<ReturnType<Source["list"]>>;
  try {
    converted = await source.list(CONVERTED);
  } catch (cause) {
    const types = [...new Set(files.map(({ name }) => name.slice(name.lastIndexOf(".") + 1)))].slice(0, 5);
    throw new RangeError(
      `Cannot use the data set ${wanted.name}: it has no json, jsonl, csv, parquet or txt files (its files are of the types ${
        types.join(", ") || "of none"
      }), and the hub has no parquet files of it either. Save it with the library \`datasets\` as parquet and name the file`,
      { cause },
    );
  }
  const found = convertedFiles(converted.files.map(({ name }) => name), wanted);
  return await downloaded(source, { revision: CONVERTED, ...converted }, found);
}

async function downloaded(
  source: Source,
  { revision, commit, files: all }: { revision: string; commit: string; files: readonly RemoteFile[] },
  names: readonly string[],
): Promise<DownloadedDataset> {
  const files = names.flatMap((name) => all.find((file) => file.name === name) ?? []);
  const paths = await source.fetch(commit, files);
  return { commit, revision, paths, names, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}

async function readCard(
  commit: string,
  files: readonly RemoteFile[],
  source: Source,
): Promise<string | null> {
  const card = files.find(({ name }) => name === "README.md");
  if (card === undefined || card.size > MAX_CARD_BYTES) return null;
  const [path] = await source.fetch(commit, [card]);
  return Deno.readTextFileSync(path!);
}

function hubSource(hub: HubRepository, cache: RepositoryCache, options: ResolveOptions): Source {
  return {
    async list(revision) {
      const commit = await hub.commit(revision);
      const files = await hub.files(commit);
      cache.saveListing(commit, files);
      if (revision !== commit) cache.saveReference(revision, commit);
      return { commit, files };
    },
    async fetch(commit, files) {
      await fetchFiles({ hub, cache }, commit, files, options);
      return files.map(({ name }) => join(cache.snapshot(commit), name));
    },
  };
}

/** Files downloaded earlier; the list of the commit's files tells which would be needed. */
function cachedSource(cache: RepositoryCache, { name }: HubDataset): Source {
  const missing = (what: string, how = "Run once without HF_HUB_OFFLINE") =>
    new RangeError(
      `Cannot find ${what} of the data set ${name}: it isn't in the cache, and HF_HUB_OFFLINE forbids to ask the hub. ${how}`,
    );
  return {
    list(revision) {
      const commit = cache.commitOf(revision);
      const files = cache.listing(commit);
      if (files === null) {
        const snapshot = cache.snapshot(commit);
        return Promise.reject(
          exists(snapshot)
            ? missing(
              `the list of files at revision ${revision}`,
              `${snapshot} was downloaded by another library and may lack files: name those to be read by their path, or run once ` +
                "without HF_HUB_OFFLINE",
            )
            : missing(`revision ${revision}`),
        );
      }
      return Promise.resolve({ commit, files: files as RemoteFile[] });
    },
    fetch(commit, files) {
      const paths = files.map((file) => join(cache.snapshot(commit), file.name));
      const gone = files.find((_, i) => !exists(paths[i]!));
      return gone ? Promise.reject(missing(gone.name)) : Promise.resolve(paths);
    },
  };
}
