/**
 * Models, adapters and data sets from the Hugging Face hub, in the cache that all its libraries share.
 * @module
 */
export { atRevision, resolveAdapter, resolveAdapters } from "./adapters.ts";
export { defaultCacheDir } from "./cache.ts";
export { type DownloadedDataset, type HubDataset, resolveDataset } from "./dataset.ts";
export { downloadLines } from "./progress.ts";
export { type DownloadProgress, HUB_ID, hubName, HubUnreachable, type ResolveOptions } from "./repository.ts";
export { resolveCommit, resolveModel } from "./resolve.ts";
export { DownloadStopped, stopDownloadsBy } from "./stop.ts";
