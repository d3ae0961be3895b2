/**
 * Models and data sets from the Hugging Face hub, in the cache that all its libraries share.
 * @module
 */
export { defaultCacheDir } from "./cache.ts";
export { type DownloadedDataset, type HubDataset, resolveDataset } from "./dataset.ts";
export { type DownloadProgress, HUB_ID, hubName, type ResolveOptions } from "./repository.ts";
export { resolveModel } from "./resolve.ts";
